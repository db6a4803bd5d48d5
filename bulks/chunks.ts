/** How the lines of a bulk are cut into chunks: each is one message, and its transfers fit into one batch of the log. */

/** A transfer is three messages, a batch has room for 1,000, and other people's commands find some of it. */
const LINES_MAX = 300;
/** A server takes messages of 1 MB, and gives them in base64. */
const BYTES_MAX = 512 * 1024;

export type Chunk = { readonly lines: number; readonly json: string };

/** Cuts lines into chunks: each the JSON of an array, none empty. */
export function chunked(
  lines: readonly object[],
  { linesMax = LINES_MAX, bytesMax = BYTES_MAX }: { linesMax?: number; bytesMax?: number } = {},
): Chunk[] {
  const chunks: Chunk[] = [];
  let pieces: string[] = [];
  let bytes = 0;
  const close = () => {
    if (pieces.length > 0) chunks.push({ lines: pieces.length, json: `[${pieces.join(',')}]` });
    pieces = [];
    bytes = 0;
  };
  for (const line of lines) {
    const piece = JSON.stringify(line);
    const size = Buffer.byteLength(piece) + 1;
    if (pieces.length >= linesMax || bytes + size > bytesMax) close();
    pieces.push(piece);
    bytes += size;
  }
  close();
  return chunks;
}
