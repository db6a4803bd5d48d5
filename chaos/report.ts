/** What a run has shown, as a table. */
import type { Result } from './run-scenario.ts';

/** More of one kind say nothing new. */
const COMPLAINTS_MAX = 5;

const HEAD = ['scenario', 'faults', 'sent', 'acknowledged', 'lost', 'doubled', 'recovery', 'result'] as const;

/** A table in Markdown; recovery is the median and the longest. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.scenario,
    `${result.faults.length}`,
    `${result.commands}`,
    `${result.acknowledged}`,
    `${result.lost}`,
    `${result.doubled}`,
    recoveryOf(result.recovery),
    result.complaints.length === 0 ? 'holds' : `${result.complaints.length} complaints`,
  ]);
  const widths = HEAD.map((_, column) => Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)));
  const padded = (cells: readonly string[]) =>
    cells.map((cell, column) =>
      isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
  const rule = widths.map((width, column) =>
    isNumber(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [line(padded(HEAD)), line(rule), ...rows.map((row) => line(padded(row)))].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function seconds(milliseconds = 0): string {
  return (milliseconds / 1_000).toFixed(1);
}

/** Everything but the names and the results. */
function isNumber(column: number): boolean {
  return column > 0 && column < HEAD.length - 1;
}

function recoveryOf(milliseconds: readonly number[]): string {
  if (milliseconds.length === 0) return '';
  const sorted = milliseconds.toSorted((one, other) => one - other);
  return `${seconds(sorted[Math.floor(sorted.length / 2)])} s, at most ${seconds(sorted.at(-1))} s`;
}

/** What a person must know of a scenario that failed: what does not hold, of which command, and how to see it again. */
export function failureOf(result: Result, seed: number): string {
  const { scenario, complaints, dataDir } = result;
  const shown = complaints.slice(0, COMPLAINTS_MAX).map(({ check, found }) => `  ${check}\n  ${found}`);
  const more = complaints.length - shown.length;
  return [
    `${scenario} does not hold. Its seed is ${seed}: npm run chaos -- --only ${scenario} --seed ${seed}`,
    ...(dataDir === undefined ? [] : [`Its data and logs are in ${dataDir}`]),
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n');
}

/** What is kept of a run: `chaos/results/latest.md`. */
export function documentOf(
  results: readonly Result[],
  { seed, machine, proves }: { seed: number; machine: string; proves: ReadonlyMap<string, string> },
): string {
  const notes = results.map(({ scenario, notes: lines, seconds: took }) =>
    [
      `- \`${scenario}\` (${Math.round(took)} s): ${proves.get(scenario) ?? ''}`,
      ...lines.map((each) => `  ${each}.`),
    ].join('\n'),
  );
  return [
    '# What the fault suite has shown',
    '',
    `Seed ${seed}; ${machine}. Recovery: from the end of a fault until the next acknowledged command, median and longest.`,
    '',
    tableOf(results),
    '',
    ...notes,
    '',
  ].join('\n');
}
