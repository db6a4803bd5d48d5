/** `verify`: reads the whole log, and tells the first thing that is wrong. */
import { Audit } from '../../eventlog/audit/audit.ts';
import type { Finding } from '../../eventlog/audit/finding.ts';
import { EXIT, WrongUsage, type Command, type Context, type Input } from '../command.ts';
import { parseAnchor } from '../argument-values.ts';
import { differs } from '../verify/compare-rows.ts';
import { findReadModel, type ReadModelComparison } from '../verify/read-model.ts';
import { json, text, type Verdict } from '../verify/report.ts';

export const verifyCommand: Command = {
  name: 'verify',
  takes: '[options]',
  summary: 'Reads the log from its first event, checks everything, and names the first broken event.',
  help: `It checks that no position is missing; that each event's hash is that of its content and continues its
aggregate's chain and versions; that batches are whole; that every transfer debits and credits alike; that
all posted balances sum to zero in each currency; that the balances which events carry are those that the
events add up to, and none is overdrawn; that transfers, holds and accounts end once; and that the read model,
if it is there, equals the log. The ledger may be in use meanwhile.

Somebody who may rewrite the whole log can make all hashes anew, or cut off its end: nothing in the log tells.
So the summary ends with a digest of all events, <position>:<digest>. Keep it elsewhere, and give it to
--against the next time: the log is then proven to begin as it did.`,
  positionals: [0, 0],
  options: {
    json: { text: 'the summary as one JSON object' },
    against: { value: '<position>:<digest>', text: 'what an earlier verify has printed must still hold' },
    'read-model': { text: 'fail if the read model cannot be compared' },
    'no-read-model': { text: 'do not compare the read model' },
  },
  run: verify,
};

async function verify(input: Input, context: Context) {
  const against = input.value('against');
  const anchors = against === undefined ? [] : [parseAnchor(against)];
  const wanted = readModelWanted(input);
  const began = performance.now();
  const { reader } = await context.connect();
  // Before anything is printed of the rest: without a log there is nothing to compare with.
  await reader.lastPosition();
  const readModel = await findReadModel(context, wanted);
  try {
    const audit = new Audit({ ledger: context.ledger, anchors });
    const finding = await auditLog(context, audit, readModel);
    const seconds = (performance.now() - began) / 1_000;
    const { ledger } = context;
    const verdict: Verdict = {
      ledger,
      summary: audit.summary(),
      finding,
      seconds,
      readModel: readModel.summary(),
    };
    context.progress.clear();
    await context.write(input.flag('json') ? json(verdict) : text(verdict));
    return finding ? EXIT.broken : EXIT.fine;
  } finally {
    await readModel.end();
  }
}

function readModelWanted(input: Input): 'required' | 'if there' | 'no' {
  const [required, no] = [input.flag('read-model'), input.flag('no-read-model')];
  if (required && no) throw new WrongUsage('Either --read-model or --no-read-model.');
  if (required) return 'required';
  return no ? 'no' : 'if there';
}

/**
 * Audits the log up to what is its end now. With a read model, first up to where that is; then its accounts, while
 * the log is read on just as far as the projector goes on; then the rest.
 */
async function auditLog(
  context: Context,
  audit: Audit,
  readModel: ReadModelComparison,
): Promise<Finding | undefined> {
  const { reader } = await context.connect();
  // In this order: the read model cannot be ahead of what is the log's end a moment later.
  const shown = await readModel.position();
  const last = await reader.lastPosition();
  const readTo = async (to: number, compared: boolean): Promise<Finding | undefined> => {
    const after = audit.summary().position;
    let position = after;
    for await (const messages of to > after ? reader.messages({ after, to }) : []) {
      for (const message of messages) {
        const checked = audit.add(message);
        if (checked.finding) return checked.finding;
        position = message.seq;
        const comparing = compared ? readModel.add(checked.event, checked.endsBatch) : undefined;
        const different = comparing && (await comparing);
        if (different) return different;
      }
      context.progress.tell('Checked', position, Math.max(last, to));
    }
    // What the log lost at its end is found here, and not taken for a fault of the read model.
    return position < to ? audit.end(to) : undefined;
  };
  return (
    (await readTo(Math.min(shown, last), true)) ??
    tooFar(shown, last) ??
    (await readModel.compareAccounts((to) => readTo(to, true))) ??
    (await readTo(last, false)) ??
    audit.end()
  );
}

/** What the log does not have cannot have been read from it. */
function tooFar(shown: number, last: number): Finding | undefined {
  if (shown <= last || shown === Number.POSITIVE_INFINITY) return undefined;
  const message = `it is at position ${shown}, but the log ends at ${last}: that lost its end, or it is another log`;
  return differs({ position: shown, table: 'projections' }, message);
}

/** Audits a log as it is stored, without its read model. */
export async function auditStored(context: Context, audit: Audit): Promise<Finding | undefined> {
  const none = await findReadModel(context, 'no');
  return auditLog(context, audit, none);
}
