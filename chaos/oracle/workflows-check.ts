/** Whether every workflow that runs has something to wait for, and whatever waits has its workflow. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { TransferRecord } from '../../contracts/events.ts';
import { isWaiting } from '../../domain/transfer.ts';
import { transferAfter } from '../../messages/mapping/event-data.ts';
import type { Complaint } from '../scenario.ts';
import type { LogFacts } from './log-facts.ts';

/** What a workflow waits for, and until when. */
type Wait = { readonly until: number };

/** How late a timer may be: Temporal may have to give a task of a killed worker to another first. */
const LATE_MS = 15_000;

/**
 * What waits, by the id of the workflow that sees it through. A hold without an end needs none: it waits for a person.
 */
export function waitsOf({ transfers, holds }: Pick<LogFacts, 'transfers' | 'holds'>): Map<string, Wait> {
  const waits = new Map<string, Wait>();
  for (const [id, event] of transfers) {
    if (!isWaiting(transferAfter(event as TransferRecord).status)) continue;
    waits.set(`transfer/${id}`, { until: endOf(event) });
  }
  for (const [id, event] of holds) {
    const active = event.name === 'HoldPlaced' || event.name === 'HoldExtended';
    if (active && event.data.expires_at !== undefined) waits.set(`hold/${id}`, { until: endOf(event) });
  }
  return waits;
}

function endOf({ data }: RecordedEvent): number {
  const times = data as { expires_at?: string; approval_expires_at?: string; scheduled_for?: string };
  return Date.parse(times.expires_at ?? times.approval_expires_at ?? times.scheduled_for ?? '');
}

/** Holds what runs against what waits. `now`: when both were looked at; `lateMs`: how late timers may be besides. */
export function compareWorkflows(
  running: ReadonlySet<string>,
  { waits, now, lateMs = 0 }: { waits: ReadonlyMap<string, Wait>; now: number; lateMs?: number | undefined },
): Complaint[] {
  const complaints: Complaint[] = [];
  for (const id of running) {
    const wait = waits.get(id);
    if (!wait) complaints.push({ check: 'a workflow is stuck', found: `${id} runs, but nothing waits` });
    else if (wait.until < now - LATE_MS - lateMs) {
      const due = new Date(wait.until).toISOString();
      complaints.push({ check: 'a workflow is stuck', found: `${id} was due at ${due}` });
    }
  }
  for (const id of waits.keys()) {
    if (!running.has(id)) complaints.push({ check: 'it waits, but has no workflow', found: id });
  }
  return complaints;
}

/**
 * Looks until nothing is amiss, or the time is over: a workflow that has just done its last step is not stuck.
 * @param readLog gives the log as it is now
 */
export async function checkWorkflows(
  address: string,
  readLog: () => Promise<LogFacts>,
  { withinMs, lateMs }: { withinMs: number; lateMs: number | undefined },
): Promise<readonly Complaint[]> {
  const deadline = Date.now() + withinMs;
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection });
    for (;;) {
      const running = await runningWorkflows(client);
      const complaints = compareWorkflows(running, {
        waits: waitsOf(await readLog()),
        now: Date.now(),
        lateMs,
      });
      if (complaints.length === 0 || Date.now() > deadline) return complaints;
      await sleep(1_000);
    }
  } finally {
    await connection.close();
  }
}

async function runningWorkflows(client: Client): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' })) {
    ids.add(workflowId);
  }
  return ids;
}
