/** One turn of one row. */
import type { Generator } from './generator/generator.ts';
import { measureLog } from './log/measure.ts';
import type { Row } from './plan.ts';
import { json, RAW_LEDGER, type System } from './systems.ts';
import type { Loop, Measured } from './task.ts';

/** As many transfers as the appender puts into one batch: three messages each, and a batch takes 1,000. */
const RAW_BATCH = 333;

export type Turn = {
  readonly row: Row;
  readonly system: System;
  readonly seconds: number;
  /** The most that the system has done a second so far, one by one. */
  readonly most: number;
};

/** Measures a row once. */
export async function takeTurn(generator: Generator, turn: Turn): Promise<Measured> {
  const { row, system, seconds, most } = turn;
  const { how } = row;
  const { url } = system;
  const load = (loop: Loop) => ({ type: 'load', url, seconds, loop }) as const;
  switch (how.type) {
    case 'closed': {
      const { operation, ...loop } = how;
      return generator.measure({ ...load(loop), operation });
    }
    case 'half load': {
      const { operation, watch } = how;
      return generator.measure({ ...load({ type: 'open', perSecond: most / 2 }), operation, watch });
    }
    case 'bulk':
    case 'read your writes':
      return generator.measure({ ...how, url, seconds });
    case 'direct':
      return direct(url, { ...how, seconds });
    case 'raw': {
      const job = { type: 'publish', ledger: RAW_LEDGER, transfers: RAW_BATCH, seconds } as const;
      const { perSecond } = await measureLog(url, job);
      return { ...UNASKED, perSecond, done: Math.round(perSecond * seconds) };
    }
  }
}

/** The system measures itself. */
async function direct(
  url: string,
  { clients, batch, seconds }: { clients: number; batch: number; seconds: number },
): Promise<Measured> {
  type Found = { per_second: number; transfers: number; refused: number };
  const found = await json<Found>(`${url}/direct`, { clients, batch, seconds });
  const failures = found.refused > 0 ? { refused: found.refused } : {};
  return { ...UNASKED, perSecond: found.per_second, done: found.transfers, failures };
}

const UNASKED = { p50: Number.NaN, p99: Number.NaN, failures: {} };
