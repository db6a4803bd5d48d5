/** What `verify` prints. */
import type { AuditSummary } from '../../eventlog/audit/audit.ts';
import type { Finding } from '../../eventlog/audit/finding.ts';
import { grouped } from '../io/progress.ts';
import type { ReadModelSummary } from './read-model.ts';

export type Verdict = {
  readonly ledger: string;
  readonly summary: AuditSummary;
  readonly finding: Finding | undefined;
  readonly readModel: ReadModelSummary;
  readonly seconds: number;
};

export function json({ ledger, summary, finding, readModel, seconds }: Verdict): string {
  const { position, digest, aggregates, accounts, batches, events, sums, stepsBack } = summary;
  const report = {
    ledger,
    ok: finding === undefined,
    position,
    events,
    aggregates,
    accounts,
    batches,
    sums,
    digest,
    anchor: anchorOf(summary),
    time_steps_back: stepsBack,
    read_model: readModel,
    seconds: Number(seconds.toPrecision(3)),
    finding: finding ?? null,
  };
  return `${JSON.stringify(report)}\n`;
}

export function text(verdict: Verdict): string {
  return `${(verdict.finding ? broken(verdict, verdict.finding) : sound(verdict)).join('\n')}\n`;
}

/** What to keep elsewhere, and to give to `--against`. */
export function anchorOf({ position, digest }: AuditSummary): string {
  return `${position}:${digest}`;
}

function broken({ ledger, summary }: Verdict, finding: Finding): string[] {
  const { position, subject, event, code, message } = finding;
  const what =
    code === 'read_model' ? 'The read model is not what the log says' : `The ledger "${ledger}" is broken`;
  return [
    `${what}.`,
    '',
    `  position  ${position}`,
    ...(subject === '' ? [] : [`  subject   ${subject}`]),
    ...(event === '' ? [] : [`  event     ${event}`]),
    `  check     ${code}`,
    `  found     ${message}`,
    '',
    `Everything before it was right: ${countOf(summary.position)}. Nothing after it was looked at.`,
  ];
}

function sound({ ledger, summary, readModel, seconds }: Verdict): string[] {
  const { position, events, aggregates, accounts, batches, sums, stepsBack } = summary;
  const posted = Object.entries(sums).map(([currency, sum]) => `${currency} ${sum}`);
  const rate = grouped(Math.round(position / Math.max(seconds, 0.001)));
  return [
    `The ledger "${ledger}" is whole: ${countOf(position)}, none missing.`,
    '',
    `  chains      ${grouped(aggregates)}; every hash, version and link holds`,
    `  batches     ${grouped(batches)}, each complete`,
    `  transfers   ${endsOfTransfers(events)}; each ends once, debits equal credits`,
    ...(events.HoldPlaced === undefined ? [] : [`  holds       ${endsOfHolds(events)}; each ends once`]),
    `  accounts    ${grouped(accounts)}; carried balances equal recomputed ones, none is overdrawn`,
    `  zero sum    ${posted.length === 0 ? 'nothing has moved' : posted.join(', ')}`,
    `  read model  ${readModelLine(readModel, position)}`,
    ...(stepsBack.count === 0
      ? []
      : [
          `  note        ${grouped(stepsBack.count)} times a time is earlier than the one before, first at position ` +
            `${stepsBack.first}; right only where another writer took over`,
        ]),
    `  digest      ${anchorOf(summary)}`,
    '',
    `Checked in ${seconds.toFixed(1)} s, ${rate} events/s. Keep the digest elsewhere: "verify --against" proves later`,
    'that the log still begins like this.',
  ];
}

type Counts = AuditSummary['events'];

/** How transfers have ended. */
function endsOfTransfers(events: Counts): string {
  const { TransferCompleted: posted = 0, TransferRejected: rejected = 0 } = events;
  const { TransferCancelled: cancelled, TransferExpired: expired, TransferFailed: failed } = events;
  return counted({ posted, rejected, cancelled, expired, failed });
}

function endsOfHolds(events: Counts): string {
  const { HoldPlaced: placed = 0, HoldCaptured: captured, HoldVoided: voided, HoldExpired: expired } = events;
  const active = placed - (captured ?? 0) - (voided ?? 0) - (expired ?? 0);
  return counted({ active, captured, voided, expired });
}

/** Numbers with their names; what has none is left out. */
function counted(counts: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(counts)
    .flatMap(([name, count]) => (count === undefined ? [] : [`${grouped(count)} ${name}`]))
    .join(', ');
}

function readModelLine(summary: ReadModelSummary, position: number): string {
  if (!summary.checked) return `NOT CHECKED: ${summary.reason}`;
  const behind = position - summary.position;
  const late = behind > 0 ? ` (${grouped(behind)} behind)` : '';
  const rest = summary.not_compared ? `; NOT COMPARED: ${summary.not_compared.join('; ')}` : '';
  return `equals the log up to position ${summary.position}${late}${rest}`;
}

function countOf(position: number): string {
  return position === 0 ? 'no events' : `${grouped(position)} events, positions 1 to ${position}`;
}
