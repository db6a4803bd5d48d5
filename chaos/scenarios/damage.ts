/** What a disk does when it grows old: one bit is another one, or the end of a file is gone, while the server is down. */
import { join } from 'node:path';
import { streamName } from '../../contracts/subjects.ts';
import { readLog, verify } from '../aftermath.ts';
import { blocksOf, cutOff, flipBitIn } from '../infra/store-damage.ts';
import { fault, type Complaint, type Context, type Injected, type Scenario } from '../scenario.ts';
import { LEDGER, type System } from '../system.ts';

/** Balances as the API told them before the damage, as text, by what was asked. */
type Shown = ReadonlyMap<string, string>;

type Damage = {
  readonly what: string;
  /** Whether the server ends in order before: then it knows afterwards how far the log went. */
  readonly end: 'stop' | 'kill';
  readonly harm: (block: string, context: Context) => Promise<void>;
  /** Whether the damage is to be told without being looked for: by the readiness, and by refusing commands. */
  readonly shows: boolean;
};

/** More than some batches, less than what the load writes. */
const CUT_BYTES = 20_000;
const ACCOUNTS_MAX = 40;
const NOTICED_MS = 20_000;

const DAMAGES: readonly Damage[] = [
  {
    what: 'one bit of an old event',
    end: 'stop',
    // Of all that carry an amount the last one: whichever the load has written last.
    harm: (block) => flipBitIn(block, '"amount":"'),
    shows: false,
  },
  {
    what: 'the end of the last block file, after an orderly end',
    end: 'stop',
    harm: (block, { random }) => cutOff(block, random.between(500, CUT_BYTES)),
    shows: true,
  },
  {
    what: 'the end of the last block file, after a kill',
    end: 'kill',
    harm: (block, { random }) => cutOff(block, random.between(500, CUT_BYTES)),
    shows: true,
  },
];

function damaged(
  { what, end, harm, shows }: Damage,
  about: Pick<Scenario, 'name' | 'proves' | 'short'>,
): Scenario {
  let before: Shown = new Map();
  return {
    ...about,
    system: { workers: 1 },
    async inject(system, context): Promise<Injected> {
      await context.sleep(3_000);
      await context.load.pause();
      // What waits for a time would go on without clients. From here on nobody appends.
      await Promise.all(system.workers.map((worker) => system.kill(worker)));
      await context.sleep(1_000);
      const { last } = await readLog(system.urls.nats);
      await shown(system, last);
      before = await balances(system, last);
      const injected = await fault(what, 'the store of nats', async () => {
        // As after a power cut: everybody starts anew, and remembers nothing.
        const others = ['api', 'projector', ...system.workers];
        await Promise.all(others.map((part) => system.kill(part)));
        await (end === 'stop' ? system.stop('nats') : system.kill('nats'));
        const blocks = await blocksOf(join(system.dataDir, 'nats'), streamName(LEDGER));
        await harm(blocks.at(-1) ?? '', context);
        await system.start('nats');
        await Promise.all(others.map((part) => system.start(part)));
      });
      return { faults: [injected], notes: [`${before.size} balances were told before`] };
    },
    async judge(system, context) {
      await untilReady(system, context);
      const complaints = [...(await stillTheSame(system, before))];
      const found = (await verify(system.urls)).length > 0;
      if (!found)
        complaints.push({
          check: 'damage is not found',
          found: `"ledger verify" passes in spite of ${what}`,
        });
      if (shows) complaints.push(...(await isShown(system, context)));
      return complaints;
    },
  };
}

/** Waits until the read model shows a position. */
async function shown({ url }: System, position: number): Promise<void> {
  const deadline = Date.now() + NOTICED_MS;
  while (Date.now() < deadline) {
    const answer = await fetch(`${url}/v1/accounts?limit=1&min_position=${position}`);
    await answer.arrayBuffer();
    if (answer.ok) return;
  }
  throw new Error(`The read model does not show position ${position}.`);
}

/** What the API tells of accounts: now, and as of a position, which it reads from the log. */
async function balances({ url }: System, position: number): Promise<Shown> {
  const list = await fetch(`${url}/v1/accounts?limit=${ACCOUNTS_MAX}`);
  const { data } = (await list.json()) as { data: { id: string }[] };
  const found = new Map<string, string>();
  for (const { id } of data) {
    for (const query of ['', `?at=${position}`]) {
      const request = `/v1/accounts/${id}/balances${query}`;
      const answer = await fetch(url + request);
      if (answer.ok) found.set(request, amounts(await answer.json()));
      else await answer.arrayBuffer();
    }
  }
  return found;
}

function amounts(body: unknown): string {
  const { posted, held, available } = body as Record<'posted' | 'held' | 'available', string>;
  return `${posted} posted, ${held} held, ${available} available`;
}

/** A balance is told as it was before, or not at all. */
async function stillTheSame({ url }: System, before: Shown): Promise<Complaint[]> {
  const complaints: Complaint[] = [];
  for (const [request, right] of before) {
    const answer = await fetch(url + request);
    const body: unknown = await answer.json();
    if (answer.ok && amounts(body) !== right) {
      complaints.push({
        check: 'a wrong balance is told',
        found: `${request}: ${amounts(body)}, not ${right}`,
      });
    } else if (!answer.ok && answer.status !== 503) {
      complaints.push({
        check: 'a balance is refused in the wrong way',
        found: `${request}: ${answer.status}`,
      });
    }
  }
  return complaints;
}

async function untilReady({ url }: System, { sleep }: Context): Promise<void> {
  for (const deadline = Date.now() + NOTICED_MS; Date.now() < deadline; await sleep(100)) {
    const alive = await fetch(`${url}/healthz`).catch(() => undefined);
    if (alive?.ok) return;
  }
}

/** The readiness says what is wrong, and commands are refused with 503. */
async function isShown({ url }: System, { sleep }: Context): Promise<Complaint[]> {
  let ready = '';
  for (const deadline = Date.now() + NOTICED_MS; Date.now() < deadline; await sleep(200)) {
    const answer = await fetch(`${url}/readyz`);
    ready = await answer.text();
    if (!answer.ok && /is damaged|is missing/.test(ready)) break;
    ready = `${answer.status} ${ready}`;
  }
  const complaints: Complaint[] = [];
  if (!/is damaged|is missing/.test(ready)) {
    complaints.push({ check: 'damage is not shown', found: `/readyz says ${ready}` });
  }
  const command = await fetch(`${url}/v1/accounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'after the damage' },
    body: JSON.stringify({ id: 'after-the-damage', owner: 'nobody', currency: 'EUR' }),
  });
  const said = `${command.status} ${await command.text()}`;
  if (command.status !== 503) complaints.push({ check: 'a command is taken on a damaged log', found: said });
  return complaints;
}

const [bit, cut, cutAfterKill] = DAMAGES as [Damage, Damage, Damage];

export const damage: readonly Scenario[] = [
  damaged(bit, {
    name: 'damage-one-bit',
    proves: 'One bit of the log is wrong: it is found, and no balance is told that is wrong.',
    short: false,
  }),
  damaged(cut, {
    name: 'damage-cut-off',
    proves:
      'The end of the log’s file is gone: readiness says so, commands are refused, and no balance is wrong.',
    short: true,
  }),
  damaged(cutAfterKill, {
    name: 'damage-cut-off-after-kill',
    proves: 'The same when the server was killed, and does not know itself how far the log went.',
    short: false,
  }),
];
