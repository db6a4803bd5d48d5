/** The network between Tallybook and its servers: slow, narrow, one-sided, or gone. */
import { createNetwork, SERVER_NAMES, type Network, type ServerName } from '../infra/proxied-servers.ts';
import type { Weather } from '../infra/fault-proxy.ts';
import { fault, type Context, type Fault, type Scenario } from '../scenario.ts';
import { emptyTally, recovered } from './faults.ts';

const SLOW: Weather = { delayMs: 200, jitterMs: 100 };
const NARROW: Weather = { bytesPerSecond: 1_000 };

type Scene = {
  readonly network: Network;
  readonly context: Context;
  /** Takes note of a fault, and waits until all goes on again. */
  readonly note: (injected: Fault) => Promise<void>;
};

/** A scenario with a network of its own. */
function onNetwork(
  about: Pick<Scenario, 'name' | 'proves' | 'short' | 'loadFactor'>,
  inject: (scene: Scene) => Promise<void>,
): Scenario {
  const network = createNetwork();
  return {
    ...about,
    system: { workers: 2, between: network.between },
    async inject(system, context) {
      const tally = emptyTally();
      await inject({
        network,
        context,
        async note(injected) {
          context.log(`${injected.what} of ${injected.target}`);
          tally.faults.push(injected);
          tally.complaints.push(...(await recovered(system, context, injected)));
        },
      });
      return tally;
    },
  };
}

async function weather(
  network: Network,
  context: Context,
  asked: { on: readonly ServerName[]; is: Weather; ms: number },
) {
  const { on, is, ms } = asked;
  const what =
    is.bytesPerSecond === undefined ? `${is.delayMs} ms and jitter` : `${is.bytesPerSecond} bytes/s`;
  return fault(`${what} for ${ms / 1_000} s`, `network to ${on.join(', ')}`, async () => {
    for (const server of on) network.to(server).weather(is);
    await context.sleep(ms).finally(() => {
      for (const server of on) network.to(server).weather({});
    });
  });
}

const slow = onNetwork(
  {
    name: 'network-slow',
    proves:
      'With 200 ms and jitter to every server, and 1 KB/s to each in turn, answers come late or are 503.',
    short: false,
  },
  async ({ network, context, note }) => {
    await note(
      await weather(network, context, { on: SERVER_NAMES, is: SLOW, ms: context.short ? 5_000 : 20_000 }),
    );
    for (const server of context.random.shuffled(SERVER_NAMES)) {
      await context.sleep(context.random.between(500, 2_000));
      await note(
        await weather(network, context, { on: [server], is: NARROW, ms: context.short ? 4_000 : 15_000 }),
      );
    }
  },
);

/** Resets, cables that are out in one direction or both, and answers that are lost after the server has acted. */
function breakages(network: Network, { random, sleep, short }: Context): (() => Promise<Fault>)[] {
  const outMs = short ? 2_500 : 12_000;
  return SERVER_NAMES.flatMap((server) => {
    const target = `network to ${server}`;
    const proxy = network.to(server);
    const out = (direction?: 'to-server' | 'to-client') => () =>
      fault(`out ${direction ?? 'both ways'} for ${outMs / 1_000} s`, target, async () => {
        proxy.hold(direction);
        await sleep(outMs).finally(proxy.resume);
      });
    const lost = () =>
      fault('answers lost, then cut', target, async () => {
        proxy.dropReplies();
        await sleep(random.between(50, 1_500)).finally(proxy.cut);
      });
    const reset = () => fault('reset', target, async () => proxy.reset());
    return [out(), out('to-server'), out('to-client'), lost, lost, reset, reset];
  });
}

const broken = onNetwork(
  {
    name: 'network-broken',
    proves:
      'Connections are reset, held in each direction, and lose acknowledgements: nothing is lost or doubled.',
    short: false,
  },
  async ({ network, context, note }) => {
    for (const breakage of context.random.shuffled(breakages(network, context))) {
      await context.sleep(context.random.between(200, 1_500));
      await note(await breakage());
    }
  },
);

const ACKNOWLEDGEMENTS_LOST = 25;

const unacknowledged = onNetwork(
  {
    name: 'acknowledgements-lost',
    proves:
      'NATS stores, and its acknowledgement never arrives, again and again: each command is there once.',
    short: true,
  },
  async ({ network, context, note }) => {
    const { random, sleep, short } = context;
    const nats = network.to('nats');
    for (let count = 0; count < (short ? 5 : ACKNOWLEDGEMENTS_LOST); count++) {
      await sleep(random.between(300, 1_500));
      const lost = await fault('answers lost, then cut', 'network to nats', async () => {
        nats.dropReplies();
        await sleep(random.between(20, 400)).finally(nats.cut);
      });
      await note(lost);
    }
  },
);

export const network: readonly Scenario[] = [slow, broken, unacknowledged];
