/** Requests that may be sent again, word for word, and what each time was told. */
import { expect } from 'vitest';
import { sign } from '../../../rails/signature.ts';
import type { httpClient, Reply } from './http.ts';

/** What callbacks of rails are signed with. */
export const RAIL_SECRET = 'a secret between two tests';

type Method = 'post' | 'patch' | 'delete';
export type Command = {
  readonly name: string;
  readonly method: Method;
  readonly path: string;
  readonly body: object;
  readonly key: string;
};
export type SentTwice = { readonly command: Command; readonly replies: readonly [Reply, Reply] };

let made = 0;
/** Another number each time. */
export const next = () => (made += 1);

/** One with a key of its own. */
export function command(name: string, path: string, body: object = {}): Command {
  return { name, method: 'post', path, body, key: `own outcome ${next()}` };
}

const ATTEMPTS = 8;
/** Sends it until somebody says what became of it. */
export async function send(
  { method, path, body, key }: Command,
  client: ReturnType<typeof httpClient>,
): Promise<Reply> {
  // Who changes an account says which version it has; callbacks are signed.
  const headers = {
    'idempotency-key': key,
    'if-match': '*',
    ...sign(RAIL_SECRET, { id: key, body: JSON.stringify(body) }, new Date()),
  };
  for (let attempt = 1; ; attempt += 1) {
    const reply = await (method === 'delete' ? client.delete(path) : client[method](path, body, headers));
    if (reply.status !== 503 || attempt === ATTEMPTS) return reply;
  }
}

/** Sends all of them at once, each twice, over one API or over several in turn. */
export function sendAtOnce(
  commands: readonly Command[],
  clients: readonly ReturnType<typeof httpClient>[],
): Promise<SentTwice[]> {
  const turn = () => clients[next() % clients.length]!;
  return Promise.all(
    commands.map(async (asked): Promise<SentTwice> => {
      const replies = await Promise.all([send(asked, turn()), send(asked, turn())]);
      return { command: asked, replies };
    }),
  );
}

/** What a reply says; of a refusal that is its code: if it is not recorded, its words are those of the moment. */
export function resultOf({ status, body }: Reply): string {
  return `${status} ${status < 400 ? JSON.stringify(body) : body.code}`;
}

/** The same request twice: one answer. */
export function expectOneResult({ command: asked, replies: [one, other] }: SentTwice): void {
  expect(resultOf(one), `${asked.name}, twice with one key`).toBe(resultOf(other));
}

/** Two requests at once under one key: one of them is carried out, whoever asks, and the other is refused. */
export function expectOneCarriedOut(told: readonly SentTwice[]): SentTwice {
  for (const each of told) expectOneResult(each);
  const [carried, ...more] = told.filter(({ replies: [{ status }] }) => status < 300);
  expect(more).toEqual([]);
  for (const { replies } of told) {
    if (replies !== carried?.replies) expect(replies[0].body.code).toBe('idempotency_key_reused');
  }
  return carried!;
}

/** Every two of them, each with itself too. */
export function pairsOf(names: readonly string[]): string[][] {
  return names.flatMap((one, index) => names.slice(index).map((other) => [one, other]));
}
