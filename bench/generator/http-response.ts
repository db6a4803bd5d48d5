/** Reads answers of HTTP/1.1 from bytes: as much as the bench needs, and little enough not to take the servers' cores. */

export type HttpResponse = {
  readonly status: number;
  /** With names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
};

const HEAD_END = '\r\n\r\n';

/**
 * Takes the first whole answer from what has arrived: the answer, and how many bytes it has. Undefined while it is not
 * whole.
 * @throws Error if it is no such answer, or one without a length.
 */
export function parseResponse(bytes: Buffer): { response: HttpResponse; length: number } | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(first) ?? [];
  if (status === undefined) throw new Error(`Not an answer of HTTP/1.1: ${first}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const start = headEnd + HEAD_END.length;
  const whole = headers.get('transfer-encoding') === 'chunked' ? chunked(bytes, start) : sized(bytes, start);
  if (whole === undefined) return undefined;
  return { response: { status: Number(status), headers, body: whole.body }, length: whole.end };

  function sized(all: Buffer, from: number): Complete | undefined {
    const length = headers.get('content-length') ?? (status === '204' ? '0' : undefined);
    if (length === undefined) throw new Error(`An answer without a length: ${first}`);
    const end = from + Number(length);
    return all.length < end ? undefined : { body: all.toString('utf8', from, end), end };
  }
}

type Complete = { readonly body: string; readonly end: number };

function chunked(bytes: Buffer, start: number): Complete | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('A chunk without a size');
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (size === 0) return { body: Buffer.concat(parts).toString('utf8'), end: end + 2 };
    parts.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
