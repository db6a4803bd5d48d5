/** Tells on the standard error how far a command is: one line that is rewritten, or now and then a new one. */
const TERMINAL_EVERY_MS = 200;
const LINES_EVERY_MS = 5_000;

export type Progress = {
  /** How much is done; without a total it is not known how much there is. */
  readonly tell: (what: string, done: number, total?: number) => void;
  /** The line is not needed any more. */
  readonly clear: () => void;
};

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>;

export function createProgress(stream: Stream, now: () => number = () => performance.now()): Progress {
  const every = stream.isTTY ? TERMINAL_EVERY_MS : LINES_EVERY_MS;
  let told = now();
  let shown = false;
  /** What is being done, since when, and how much was done by then. */
  let phase = { what: '', began: told, from: 0 };
  return {
    tell(what, done, total) {
      const time = now();
      if (phase.what !== what) phase = { what, began: time, from: done };
      if (time - told < every) return;
      told = time;
      const rate = grouped(Math.round((1_000 * (done - phase.from)) / Math.max(1, time - phase.began)));
      const share =
        total === undefined || total === 0 ? '' : ` of ${grouped(total)} (${percent(done, total)})`;
      const line = `${what} ${grouped(done)}${share}, ${rate}/s`;
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

/** 1234567 as 1,234,567. */
export function grouped(number: number): string {
  return number.toLocaleString('en-US');
}
