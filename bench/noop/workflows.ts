/** The workflow that does nothing: what orchestration costs before there is anything to orchestrate. */
export async function noop(): Promise<string> {
  return 'done';
}
