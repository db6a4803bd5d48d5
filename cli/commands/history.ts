/** `history`: what happened to one account, transfer or hold. */
import type { AccountRecord, HoldRecord, RecordedEvent, TransferRecord } from '../../contracts/events.ts';
import { AGGREGATES, ID_PATTERN } from '../../contracts/subjects.ts';
import { createTips } from '../../eventlog/append/tips.ts';
import { eventFrom } from '../../messages/mapping/resources.ts';
import {
  CannotRun,
  EXIT,
  WrongUsage,
  type Command,
  type Context,
  type ExitCode,
  type Input,
} from '../command.ts';
import { createTable } from '../io/table.ts';
import {
  ACCOUNT_COLUMNS,
  HOLD_COLUMNS,
  partiesOf,
  TRANSFER_COLUMNS,
  transferOf,
  type AccountLine,
  type CellColumn,
} from './history-tables.ts';

export const historyCommand: Command = {
  name: 'history',
  takes: '<account | transfer | hold> <id>',
  summary: 'Lists the events of one aggregate, oldest first.',
  help: `Amounts and balances are whole minor units. The amount of an account's event is what it adds to what is
available; "other" is the other side. With --json each line is an event as "GET /v1/events" gives it.`,
  positionals: [2, 2],
  options: { json: { text: 'NDJSON: one event a line' } },
  run: history,
};

async function history(input: Input, context: Context): Promise<ExitCode> {
  const [kind = '', id = ''] = input.positionals;
  const aggregate = AGGREGATES.find((name) => name === kind);
  if (!aggregate) throw new WrongUsage(`"${kind}" is none of ${AGGREGATES.join(', ')}.`);
  if (!ID_PATTERN.test(id)) throw new WrongUsage(`"${id}" is no id.`);
  const { reader } = await context.connect();
  const layOut = input.flag('json') ? jsonLines : tableOf(aggregate, context);
  let any = false;
  for await (const events of reader.events({ aggregate: { aggregate, id } })) {
    any = true;
    await context.write(await layOut(events));
  }
  if (!any) throw new CannotRun(`The log has no events of the ${kind} "${id}".`);
  return EXIT.fine;
}

/** Lays out some more events of the same aggregate. */
type Layout = (events: readonly RecordedEvent[]) => Promise<string> | string;

function jsonLines(events: readonly RecordedEvent[]): string {
  return events.map((event) => `${JSON.stringify(eventFrom(event))}\n`).join('');
}

function tableOf(aggregate: (typeof AGGREGATES)[number], context: Context): Layout {
  switch (aggregate) {
    case 'account': {
      const table = layout(ACCOUNT_COLUMNS);
      return async (events) => table(await withParties(events as readonly AccountRecord[], context));
    }
    case 'transfer': {
      const table = layout(TRANSFER_COLUMNS);
      return (events) => table(events as readonly TransferRecord[]);
    }
    case 'hold': {
      const table = layout(HOLD_COLUMNS);
      return (events) => table(events as readonly HoldRecord[]);
    }
  }
}

function layout<Event>(columns: readonly CellColumn<Event>[]): (events: readonly Event[]) => string {
  const table = createTable(columns);
  return (events) => table(events.map((event) => columns.map(({ cell }) => cell(event))));
}

/** An account's event names its transfer only: that says who else takes part. */
async function withParties(
  events: readonly AccountRecord[],
  { connect, ledger }: Context,
): Promise<AccountLine[]> {
  const { nc } = await connect();
  const ids = new Set(events.flatMap((event) => transferOf(event) ?? []));
  const refs = [...ids].map((id) => ({ aggregate: 'transfer', id }) as const);
  const last = (await createTips(nc, ledger).lastEvents(refs)) as TransferRecord[];
  const parties = new Map(last.map((event) => [event.aggregateId, partiesOf(event)]));
  return events.map((event) => ({ ...event, parties: parties.get(transferOf(event) ?? '') ?? [] }));
}
