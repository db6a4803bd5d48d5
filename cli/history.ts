/** `history`: what happened to one account or transfer. */
import { eventFrom } from '../contracts/resources.ts';
import type { RecordedEvent } from '../contracts/events.ts';
import { AGGREGATES, ID_PATTERN } from '../contracts/subjects.ts';
import { createTips } from '../eventlog/tips.ts';
import {
  CannotRun,
  EXIT,
  WrongUsage,
  type Command,
  type Context,
  type ExitCode,
  type Input,
} from './command.ts';
import { createTable } from './table.ts';

export const historyCommand: Command = {
  name: 'history',
  takes: '<account | transfer | hold> <id>',
  summary: 'Lists the events of one aggregate, oldest first.',
  help: `Amounts and balances are whole minor units. "Other" is the other side of a movement. With --json each line is an
event as "GET /v1/events" gives it.`,
  positionals: [2, 2],
  options: { json: { text: 'NDJSON: one event a line' } },
  run: history,
};

const COLUMNS = [
  { heading: 'position', right: true },
  { heading: 'time' },
  { heading: 'event' },
  { heading: 'version', right: true },
  { heading: 'amount', right: true },
  { heading: 'posted', right: true },
  { heading: 'available', right: true },
  { heading: 'transfer' },
  { heading: 'other' },
  { heading: 'workflow' },
];

async function history(input: Input, context: Context): Promise<ExitCode> {
  const [kind = '', id = ''] = input.positionals;
  const aggregate = AGGREGATES.find((name) => name === kind);
  if (!aggregate) throw new WrongUsage(`"${kind}" is none of ${AGGREGATES.join(', ')}.`);
  if (!ID_PATTERN.test(id)) throw new WrongUsage(`"${id}" is no id.`);
  const { reader } = await context.connect();
  const table = createTable(COLUMNS);
  const asJson = input.flag('json');
  let any = false;
  for await (const events of reader.events({ aggregate: { aggregate, id } })) {
    any = true;
    await context.write(
      asJson
        ? events.map((event) => `${JSON.stringify(eventFrom(event))}\n`).join('')
        : table(await rowsOf(events, context)),
    );
  }
  if (!any) throw new CannotRun(`The log has no events of the ${kind} "${id}".`);
  return EXIT.fine;
}

async function rowsOf(events: readonly RecordedEvent[], context: Context): Promise<string[][]> {
  const sides = await sidesOf(events, context);
  return events.map((event) => {
    const { transfer, amount, other } = movementOf(event, sides);
    const balances = 'balances' in event.data ? event.data.balances : undefined;
    return [
      `${event.position}`,
      event.time,
      event.name,
      `${event.version}`,
      amount,
      balances?.posted ?? '',
      balances?.available ?? '',
      transfer,
      other,
      event.workflowId,
    ];
  });
}

type Sides = { readonly from: string; readonly to: string };

/** Both sides of the transfers that the movements belong to: an account's event names the transfer only. */
async function sidesOf(
  events: readonly RecordedEvent[],
  { connect, ledger }: Context,
): Promise<ReadonlyMap<string, Sides>> {
  const { nc } = await connect();
  const ids = events.flatMap(({ data }) => ('transfer' in data ? [data.transfer] : []));
  const refs = ids.map((id) => ({ aggregate: 'transfer', id }) as const);
  const ends = await createTips(nc, ledger).lastEvents(refs);
  return new Map(ends.flatMap((end) => ('from' in end.data ? [[end.aggregateId, end.data]] : [])));
}

function movementOf(
  event: RecordedEvent,
  sides: ReadonlyMap<string, Sides>,
): { transfer: string; amount: string; other: string } {
  switch (event.name) {
    case 'MoneyDeposited':
    case 'MoneyWithdrawn': {
      const { transfer, amount } = event.data;
      const paysOut = event.name === 'MoneyWithdrawn';
      const both = sides.get(transfer);
      return {
        transfer,
        amount: paysOut ? `-${amount}` : amount,
        other: (paysOut ? both?.to : both?.from) ?? '',
      };
    }
    case 'TransferCompleted':
    case 'TransferRejected': {
      const { amount, from, to } = event.data;
      return { transfer: event.aggregateId, amount, other: `${from} > ${to}` };
    }
    case 'AccountCreated':
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
    case 'CommandAnswered':
      return { transfer: '', amount: '', other: '' };
  }
}
