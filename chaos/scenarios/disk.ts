/** No room left on the device: under the log, and under Temporal. */
import { join } from 'node:path';
import { freePort } from '../../dev/servers/ports.ts';
import { startNats, startTemporal } from '../../dev/servers/servers.ts';
import { mountSmallDisk, type SmallDisk } from '../infra/small-disk.ts';
import { fault, type Complaint, type Context, type Scenario } from '../scenario.ts';
import type { OwnServers, Place, System } from '../system.ts';
import { emptyTally, recovered } from './faults.ts';

/** How long there is no room. */
const FULL_MS = 8_000;
/** A server that has come upon the end of its disk may have given up: then it is started again, as a person would. */
const BY_ITSELF_MS = 15_000;
/** What is refused is to be refused in time: an answer takes at most ten seconds, and a little more on the way. */
const ANSWER_MAX_MS = 12_000;

type Under = {
  readonly part: 'nats' | 'temporal';
  readonly megabytes: number;
  readonly start: (place: Place, port: number, through: readonly string[]) => ReturnType<typeof startNats>;
};

function diskFull(
  { part, megabytes, start }: Under,
  about: Pick<Scenario, 'name' | 'proves' | 'short'>,
): Scenario {
  let disk: SmallDisk | undefined;
  return {
    ...about,
    system: { workers: 1, servers },
    async inject(system, context) {
      if (!disk) throw new Error('There is no disk.');
      const tally = emptyTally();
      await context.sleep(2_000);
      const injected = await fault(`disk full for ${FULL_MS / 1_000} s`, part, async () => {
        await disk?.fill();
        context.log('full');
        const answer = await ask(system);
        tally.notes.push(
          `with no room under ${part}, a command is answered ${answer.text} after ${answer.seconds} s`,
        );
        tally.complaints.push(...answer.complaints);
        await context.sleep(FULL_MS);
        await disk?.free();
      });
      tally.faults.push(injected);
      context.log('free again');
      tally.notes.push(await goOn(system, part, context));
      tally.complaints.push(...(await recovered(system, context, injected)));
      return tally;
    },
  };

  async function servers(place: Place): Promise<OwnServers> {
    const folder = join(place.dataDir, part);
    const logFile = join(place.dataDir, 'logs', 'disk.log');
    const mounted = await mountSmallDisk({ folder, megabytes, logFile });
    disk = mounted;
    const port = await freePort();
    const url =
      part === 'nats' ? `nats://tallybook:${place.natsPassword}@127.0.0.1:${port}` : `127.0.0.1:${port}`;
    return {
      urls: { [part]: url },
      parts: { [part]: () => start(place, port, mounted.through) },
      close: mounted.close,
    };
  }
}

/** Asks for a deposit: it is to be answered in time, and in words. */
async function ask({ url }: System) {
  const begun = performance.now();
  const response = await fetch(`${url}/v1/deposits`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'while the disk is full' },
    body: JSON.stringify({ account: 'nobody', amount: '1', currency: 'EUR' }),
    signal: AbortSignal.timeout(2 * ANSWER_MAX_MS),
  }).catch((error: unknown) => String(error));
  const took = performance.now() - begun;
  const text = typeof response === 'string' ? response : `${response.status} ${await codeOf(response)}`;
  const complaints: Complaint[] = [];
  // Nothing is recorded for an account that is not there, so this is 404 where the log can still be read.
  if (!/^(503|404) /.test(text) || took > ANSWER_MAX_MS) {
    complaints.push({
      check: 'a full disk is not answered well',
      found: `${text} after ${Math.round(took)} ms`,
    });
  }
  return { text, seconds: (took / 1_000).toFixed(1), complaints };
}

async function codeOf(response: Response): Promise<string> {
  const body = (await response.json()) as { code?: string };
  return body.code ?? '';
}

/** Waits until the work goes on by itself; if it does not, starts the server again. */
async function goOn(system: System, part: string, { load, sleep, log }: Context): Promise<string> {
  const before = load.acknowledged();
  const begun = performance.now();
  while (performance.now() - begun < BY_ITSELF_MS) {
    if (load.acknowledged() > before) {
      return `${part} goes on by itself, ${((performance.now() - begun) / 1_000).toFixed(1)} s after there is room again`;
    }
    await sleep(50);
  }
  log(`${part} is started again`);
  if (system.isRunning(part)) await system.stop(part);
  await system.start(part);
  return `${part} does not go on by itself when there is room again: it was started again`;
}

export const disk: readonly Scenario[] = [
  diskFull(
    {
      part: 'nats',
      megabytes: 64,
      start: ({ dataDir, natsPassword }, port, through) =>
        startNats({ port, dataDir, password: natsPassword, through }),
    },
    {
      name: 'disk-full-nats',
      proves: 'The disk under the log is full: commands are refused with 503, nothing acknowledged is lost.',
      short: true,
    },
  ),
  diskFull(
    {
      part: 'temporal',
      megabytes: 64,
      start: ({ dataDir }, port, through) => startTemporal({ port, dataDir, through }),
    },
    {
      name: 'disk-full-temporal',
      proves:
        'The disk under Temporal is full: commands are refused with 503, and none is lost or done twice.',
      short: false,
    },
  ),
];
