/** Tables in Markdown. */

export type Column = { readonly title: string; readonly align?: 'left' | 'right' };

/** What is undefined is empty. */
type Cell = string | number | undefined;

/** A table with a line for each row. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}

function line(cells: readonly Cell[]): string {
  return `| ${cells.map((cell) => String(cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`;
}
