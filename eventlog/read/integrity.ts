/** Whether a log still has all that was ever stored in it. Nothing is ever deleted from one, so there are no gaps. */

/** What a server says of a stream, as far as it tells what is missing. */
export type LogState = {
  readonly messages: number;
  readonly first_seq: number;
  readonly last_seq: number;
  /** What the server itself has found missing. */
  readonly lost?: { readonly msgs?: readonly number[] | null };
};

export const WHAT_TO_DO = 'Restore it from a backup or from another replica; docs/cluster.md says how.';

/** What is missing, for a person; undefined if nothing is, as far as the server knows. */
export function missingFrom({ messages, first_seq, last_seq, lost }: LogState): string | undefined {
  if (lost?.msgs && lost.msgs.length > 0) {
    return `the server has lost ${lost.msgs.length} events, from position ${lost.msgs[0]} on. ${WHAT_TO_DO}`;
  }
  if (messages === last_seq) return undefined;
  const beginning = messages > 0 && first_seq > 1 ? `, and begins at position ${first_seq}` : '';
  return `it goes to position ${last_seq}, but has ${messages} events${beginning}. ${WHAT_TO_DO}`;
}
