/**
 * `node --import <this file>`: the process's clock is as many milliseconds ahead as the file says that CHAOS_CLOCK
 * names; none if it is not there. Timers keep their pace, as they do when a machine's clock is set.
 */
import { readFileSync } from 'node:fs';

const RealDate = Date;
const LOOK_MS = 100;
let ahead = 0;

function look() {
  try {
    ahead = Number(readFileSync(process.env.CHAOS_CLOCK, 'utf8')) || 0;
  } catch {
    ahead = 0;
  }
}

look();
setInterval(look, LOOK_MS).unref();

const now = () => RealDate.now() + ahead;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, asked) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, asked === globalThis.Date ? target : asked),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
