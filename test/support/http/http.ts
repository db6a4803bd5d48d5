/** A client for tests: sends JSON, takes the answer apart. */
import { randomUUID } from 'node:crypto';

export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  // A test knows what it asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
  readonly milliseconds: number;
};

/** A client of the API at `url`. Every POST and PATCH has a key of its own unless `headers` says otherwise. */
export function httpClient(url: string) {
  const send = async (path: string, init: RequestInit = {}): Promise<Reply> => {
    const started = performance.now();
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    const json = answer.headers.get('content-type')?.includes('json');
    return {
      status: answer.status,
      headers: answer.headers,
      body: json ? JSON.parse(text) : text,
      milliseconds: performance.now() - started,
    };
  };
  const withBody =
    (method: string) =>
    (path: string, body: object, headers: Record<string, string> = {}) =>
      send(path, {
        method,
        headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(), ...headers },
        body: JSON.stringify(body),
      });
  return {
    get: (path: string, headers: Record<string, string> = {}) => send(path, { headers }),
    delete: (path: string) => send(path, { method: 'DELETE' }),
    post: withBody('POST'),
    patch: withBody('PATCH'),
  };
}
