/** Splits what comes in chunks into lines, and remembers where in the file they end. */
const LINE_FEED = 10;

export type Line = {
  readonly text: string;
  /** The offset after its line feed; undefined for a last line that has none. */
  readonly end: number | undefined;
};

/** Arrays of lines, one for each chunk that ends any. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Line[]> {
  let rest: Buffer[] = [];
  let offset = 0;
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      const bytes = Buffer.concat([...rest, chunk.subarray(from, at)]);
      rest = [];
      from = at + 1;
      lines.push({ text: bytes.toString(), end: offset + from });
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
    offset += chunk.length;
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [{ text: Buffer.concat(rest).toString(), end: undefined }];
}
