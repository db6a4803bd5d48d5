/** Tells on the standard error how far a command is: one line that is rewritten, or now and then a new one. */
const TERMINAL_EVERY_MS = 200;
const LINES_EVERY_MS = 5_000;
const BAR_WIDTH = 20;

export type Progress = {
  /** How much is done; without a total it is not known how much there is. */
  readonly tell: (what: string, done: number, total?: number) => void;
  /** The line is not needed any more. */
  readonly clear: () => void;
};

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>;

export function createProgress(stream: Stream, now: () => number = () => performance.now()): Progress {
  const every = stream.isTTY ? TERMINAL_EVERY_MS : LINES_EVERY_MS;
  let writtenAt = now();
  let shown = false;
  /** What is being done, since when, and how much was done by then. */
  let phase = { what: '', began: writtenAt, from: 0 };
  return {
    tell(what, done, total) {
      const time = now();
      if (phase.what !== what) phase = { what, began: time, from: done };
      if (time - writtenAt < every) return;
      writtenAt = time;
      const rate = (1_000 * (done - phase.from)) / Math.max(1, time - phase.began);
      const known = total === undefined || total === 0 ? undefined : total;
      const share = known === undefined ? '' : ` of ${grouped(known)} (${percent(done, known)})`;
      const drawn = known === undefined || !stream.isTTY ? '' : `${bar(done, known)} `;
      const line = `${what} ${drawn}${grouped(done)}${share}, ${grouped(Math.round(rate))}/s${left(known, done, rate)}`;
      stream.write(stream.isTTY ? `\r\u001B[K${line}` : `${line}\n`);
      shown = true;
    },
    clear() {
      if (stream.isTTY && shown) stream.write('\r\u001B[K');
      shown = false;
    },
  };
}

function percent(done: number, total: number): string {
  return `${Math.floor((100 * done) / total)} %`;
}

function bar(done: number, total: number): string {
  const filled = Math.min(BAR_WIDTH, Math.floor((BAR_WIDTH * done) / total));
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
}

/** How long it will take if it goes on so. */
function left(total: number | undefined, done: number, rate: number): string {
  if (total === undefined || rate <= 0) return '';
  const seconds = Math.ceil((total - done) / rate);
  return seconds < 120 ? `, ${seconds} s left` : `, ${Math.ceil(seconds / 60)} min left`;
}

/** 1234567 as 1,234,567. */
export function grouped(number: number): string {
  return number.toLocaleString('en-US');
}
