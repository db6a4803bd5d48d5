/** The results as tables, for people. */
import type { Figure } from './figures.ts';
import type { machine } from './machine.ts';
import { markdownTable } from './table.ts';
import type { Memory, Target } from './targets.ts';

export type Results = {
  /** RFC 3339. */
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  readonly rounds: number;
  readonly seconds: number;
  /** How many cores everything together took while nobody was asked for anything; null if nothing was measured. */
  readonly idle_cores: number | null;
  readonly figures: readonly Figure[];
  readonly targets: readonly Target[];
  /** Of API and worker on the large ledger, and on the empty one beside it, if they were measured. */
  readonly memory?: { readonly large: Memory; readonly small: Memory };
};

/** Both tables, and what they were measured on. */
export function markdownReport(results: Results): string {
  const { figures, targets, memory, rounds, seconds, idle_cores } = results;
  const { cores, cpu, memory_gib, node } = results.machine;
  const parts = [
    figureTable(figures),
    `${cores} cores (${cpu}), ${memory_gib} GiB, Node ${node}; medians of ${counted(rounds, 'round')} of ${counted(seconds, 'second')}. ` +
      'Milliseconds are those of one request, or of the whole bulk.' +
      (idle_cores === null
        ? ''
        : ` While nobody was asked, everything together took ${idle_cores} of a core.`),
  ];
  if (memory) {
    const { large, small } = memory;
    parts.push(
      `Memory of API and worker: ${large.rssMiB} MiB resident and ${large.heapMiB} MiB of heap on the large ledger, ` +
        `${small.rssMiB} and ${small.heapMiB} MiB on the empty one.`,
    );
  }
  if (targets.length > 0) parts.push(targetTable(targets));
  return `${parts.join('\n\n')}\n`;
}

function figureTable(figures: readonly Figure[]): string {
  return markdownTable(
    [
      { title: 'system' },
      { title: 'pattern' },
      { title: 'clients', align: 'right' },
      { title: 'per second (range)', align: 'right' },
      { title: 'p50 ms', align: 'right' },
      { title: 'p99 ms', align: 'right' },
    ],
    figures.flatMap((figure) => {
      const { title, clients, p50_ms, p99_ms, visible_p50_ms, visible_p99_ms } = figure;
      const pattern = `${figure.pattern}${figure.pause_ms > 0 ? `, ${figure.pause_ms} ms between` : ''}`;
      const [low, high] = figure.per_second_range;
      const rate = figure.failed
        ? `void: ${number(figure.failed)} not answered`
        : `${number(figure.per_second)} (${number(low)}–${number(high)})`;
      const row = [title, pattern, number(clients), rate, number(p50_ms), number(p99_ms)];
      if (visible_p50_ms === undefined || visible_p99_ms === undefined) return [row];
      const visible = [
        title,
        `${pattern}, until visible`,
        '',
        '',
        number(visible_p50_ms),
        number(visible_p99_ms),
      ];
      return [row, visible];
    }),
  );
}

function targetTable(targets: readonly Target[]): string {
  return markdownTable(
    [
      { title: 'compared with' },
      { title: 'measured', align: 'right' },
      { title: 'target', align: 'right' },
      { title: 'reached' },
    ],
    targets.map(({ what, value, unit, target, reached, missed_percent }) => [
      what,
      `${number(value)} ${unit}`,
      target,
      reached ? 'yes' : `no, by ${missed_percent} %`,
    ]),
  );
}

function number(value: number | null): string {
  return value?.toLocaleString('en', { maximumFractionDigits: 2 }) ?? '';
}

function counted(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}
