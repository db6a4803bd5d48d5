import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokenExport, eventLine, firstLine, lastLine, Tally } from '../../../cli/archive/export-format.ts';
import { ExportReader } from '../../../cli/archive/export-reader.ts';
import { linesOf } from '../../../cli/io/lines.ts';
import { createTestLog } from '../../support/events/events.ts';
import { storedMessages, type Stored } from '../../support/events/stored-messages.ts';

function someMessages(): Stored[] {
  const log = createTestLog();
  log.open('alice', { owner: 'Älice "the" 1st', metadata: { '7': 'x', b: '', a: '\n' } });
  log.deposit('alice', 1_000n, { reference: 'Zoë’s \\ gift' });
  log.receipt('alice');
  return storedMessages(log.events);
}

function exported(messages: readonly Stored[]): string[] {
  const tally = new Tally();
  const lines = [
    firstLine(tally, 'test'),
    ...messages.map((message) => eventLine(tally, message)),
    lastLine(tally),
  ];
  return lines.map((line) => line.slice(0, -1));
}

function read(lines: readonly string[]): { reader: ExportReader; messages: unknown[] } {
  const reader = new ExportReader();
  return { reader, messages: lines.flatMap((line) => reader.read(line) ?? []) };
}

/** What an export is to keep: all but what the server adds. */
function kept({ subject, seq, data, headers }: Stored) {
  const names = [...headers.keys()].filter((name) => !name.startsWith('Nats-Expected'));
  return {
    subject,
    seq,
    data: Buffer.from(data),
    headers: new Map(names.map((name) => [name, headers.get(name)])),
  };
}

test('what is exported is read again byte for byte', () => {
  const messages = someMessages();
  const { reader, messages: found } = read(exported(messages));
  expect(found).toEqual(messages.map(kept));
  expect([reader.ledger, reader.ended, reader.tally.position]).toEqual(['test', true, 5]);
});

test.each([
  ['JSON with spaces', '{"a": 1}'],
  ['a key twice', '{"a":1,"a":2}'],
  ['numbers as keys', '{"b":1,"7":2}'],
  ['a number in another notation', '{"a":1.0}'],
  ['no JSON', 'hello'],
  ['no object', '"text"'],
  ['no text', Buffer.from([123, 0xff, 125])],
  ['nothing', ''],
  ['a strange key', '{"__proto__":{"a":1}}'],
])('data are kept byte for byte: %s', (_, data) => {
  const [message] = someMessages();
  const bytes = Buffer.from(data);
  const { messages } = read(exported([{ ...message!, data: bytes }]));
  expect(messages).toMatchObject([{ data: bytes }]);
});

test('a line that was changed, left out, moved or added is found', () => {
  const lines = exported(someMessages());
  const last = lines.length - 1;
  fc.assert(
    fc.property(fc.nat(last), fc.nat(last), fc.nat(), (at, other, where) => {
      const line = lines[at]!;
      const spot = where % line.length;
      const changed = line.slice(0, spot) + (line[spot] === 'x' ? 'y' : 'x') + line.slice(spot + 1);
      expect(() => read(lines.with(at, changed))).toThrow(BrokenExport);
      const left = lines.toSpliced(at, 1);
      if (at < last) expect(() => read(left)).toThrow(`Line ${at + 1} of the export`);
      else expect(read(left).reader.ended).toBe(false);
      expect(() => read(lines.toSpliced(other, 0, line))).toThrow(BrokenExport);
      if (at !== other)
        expect(() => read(lines.with(at, lines[other]!).with(other, line))).toThrow(BrokenExport);
    }),
  );
});

test('a log with a gap cannot be exported', () => {
  expect(() => exported(someMessages().toSpliced(1, 1))).toThrow('The log has nothing at position 2');
});

test('lines are found in whatever chunks they come, with where they end', async () => {
  const text = 'one\n\nzwei ö\ntorn';
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );
    const lines = [];
    for await (const some of linesOf(from(chunks))) lines.push(...some);
    expect(lines).toEqual([
      { text: 'one', end: 4 },
      { text: '', end: 5 },
      { text: 'zwei ö', end: 13 },
      { text: 'torn', end: undefined },
    ]);
  }
});

async function* from(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}
