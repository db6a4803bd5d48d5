/** The machine that figures belong to. */
import { cpus, totalmem } from 'node:os';

/** What it has, for a report. */
export function machine(): { cores: number; cpu: string; memory_gib: number; node: string } {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}
