/** How long after its answer a transfer is seen in the read model. */
import { quantiles } from '../report/quantiles.ts';
import type { HttpResponse } from './http-response.ts';
import type { HttpPool } from './http-pool.ts';

export type Visibility = {
  /** Told of each answer; of some it finds out when they are seen. */
  readonly observe: (answer: HttpResponse) => void;
  /** Waits for those that are on their way. `failures` are reads that were not answered with the posted transfer. */
  readonly measured: () => Promise<{ p50: number; p99: number; failures: Record<string, number> }>;
};

/** Few enough to be no load of their own. */
const EVERY_MS = 20;

/** Reads with `min_position`, which is answered as soon as the read model is there. */
export function watchVisibility(pool: HttpPool): Visibility {
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const reads: Promise<void>[] = [];
  let last = 0;

  async function read({ headers, body }: HttpResponse): Promise<void> {
    const answered = performance.now();
    const { id } = JSON.parse(body) as { id: string };
    const path = `/v1/transfers/${id}?min_position=${headers.get('ledger-position')}`;
    const seen = await pool.send({ method: 'GET', path });
    latencies.push(performance.now() - answered);
    if (seen.status === 200 && (JSON.parse(seen.body) as { status: string }).status === 'posted') return;
    const what = `read: ${seen.status} ${seen.body.slice(0, 200)}`;
    failures[what] = (failures[what] ?? 0) + 1;
  }

  return {
    observe(answer) {
      const now = performance.now();
      if (now - last < EVERY_MS) return;
      last = now;
      reads.push(read(answer));
    },
    async measured() {
      await Promise.all(reads);
      return { ...quantiles(latencies), failures };
    },
  };
}
