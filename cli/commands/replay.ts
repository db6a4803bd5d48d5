/** `replay`: sends stored events again, to one subscriber's subject. */
import { headers as natsHeaders, type MsgHdrs } from '@nats-io/transport-node';
import { ID_PATTERN, parseEventSubject, streamName } from '../../contracts/subjects.ts';
import { positionAt } from '../../eventlog/read/as-of.ts';
import type { StoredMessage } from '../../eventlog/wire/codec.ts';
import { EXIT, WrongUsage, type Command, type Context, type ExitCode, type Input } from '../command.ts';
import { grouped } from '../io/progress.ts';
import { parseAt, parseType } from '../argument-values.ts';

export const replayCommand: Command = {
  name: 'replay',
  takes: '--subject <subject> [options]',
  summary: 'Publishes stored events again, to a subject that a subscriber listens on.',
  help: `They come in log order, with their own headers, and with Nats-Sequence (the position), Nats-Subject and
Nats-Stream as on "ledger.>". The log itself is not touched. Readers hear what is sent below "replay.": nobody but
Tallybook can publish there. It is sent as fast as the server takes it, and not stored: start the subscriber first.`,
  positionals: [0, 0],
  options: {
    subject: { value: '<subject>', text: 'where to, such as replay.billing' },
    from: {
      value: '<position | time>',
      text: 'the first one, with it; from the beginning if it is not given',
    },
    to: { value: '<position | time>', text: 'the last one, with it; up to the end if it is not given' },
    type: { value: '<type>', text: 'only these, such as MoneyDeposited or ledger.MoneyDeposited.v1' },
    account: { value: '<id>', text: 'only those of one account' },
  },
  run: replay,
};

/** What the ledger itself, or the server, speaks on. */
const RESERVED = ['ledger', 'append', 'receipt', 'writer', 'position'];

async function replay(input: Input, context: Context): Promise<ExitCode> {
  const subject = requireSubject(input.value('subject'));
  const [type, account] = [input.value('type'), input.value('account')];
  if (account !== undefined && !ID_PATTERN.test(account))
    throw new WrongUsage(`"${account}" is no id of an account.`);
  const { nc, reader } = await context.connect();
  const query = {
    ...(type === undefined ? {} : { type: parseType(type) }),
    ...(account === undefined ? {} : { aggregate: { aggregate: 'account', id: account } as const }),
    after: Math.max(0, (await positionOf(input.value('from'), context, 'first')) - 1),
    to: await positionOf(input.value('to'), context, 'last'),
  };
  let sent = 0;
  for await (const messages of reader.messages(query)) {
    for (const message of messages.filter(isFact)) {
      nc.publish(subject, message.data, { headers: headersOf(message, context.ledger) });
      sent += 1;
    }
    // The server has them all before more are read: nothing piles up here.
    await nc.flush();
    context.progress.tell('Sent', sent);
  }
  context.progress.clear();
  await context.write(`Sent ${grouped(sent)} ${sent === 1 ? 'event' : 'events'} to ${subject}.\n`);
  return EXIT.fine;
}

function requireSubject(subject: string | undefined): string {
  if (subject === undefined) throw new WrongUsage('Where to? --subject replay.billing, for example.');
  const tokens = subject.split('.');
  if (tokens.some((token) => token === '' || /[\s*>]/.test(token))) {
    throw new WrongUsage(`"${subject}" is no subject to publish on.`);
  }
  const [first = ''] = tokens;
  if (first.startsWith('$') || first.startsWith('_') || RESERVED.includes(first)) {
    throw new WrongUsage(`"${first}." is not for replays. Readers can hear what is below "replay.".`);
  }
  return subject;
}

/** The position of the first event at or after a moment, or of the last one at or before it. */
async function positionOf(
  typed: string | undefined,
  { connect, ledger }: Context,
  which: 'first' | 'last',
): Promise<number> {
  const { nc, reader } = await connect();
  if (typed === undefined) return which === 'first' ? 1 : reader.lastPosition();
  const at = parseAt(typed);
  if ('position' in at) return at.position;
  if (which === 'last') return positionAt({ nc, ledger }, at.time);
  const justBefore = new Date(Date.parse(at.time) - 1).toISOString();
  return (await positionAt({ nc, ledger }, justBefore)) + 1;
}

/** Receipts are for the ledger alone. */
function isFact({ subject }: StoredMessage): boolean {
  return parseEventSubject(subject).aggregate !== 'command';
}

function headersOf({ subject, seq, headers }: StoredMessage, ledger: string): MsgHdrs {
  const sent = natsHeaders();
  for (const [name, value] of headers) {
    if (!name.startsWith('Nats-')) sent.set(name, value);
  }
  sent.set('Nats-Stream', streamName(ledger));
  sent.set('Nats-Subject', subject);
  sent.set('Nats-Sequence', String(seq));
  return sent;
}
