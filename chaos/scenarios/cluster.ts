/** Three nats-servers with three copies of everything: the one that leads the log is killed, paused and cut off. */
import type { NatsConnection } from '@nats-io/transport-node';
import { streamName } from '../../contracts/subjects.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { leaderOf, prepareNatsCluster, type NatsCluster } from '../infra/nats-cluster.ts';
import { fault, type Complaint, type Context, type Scenario } from '../scenario.ts';
import { LEDGER, type System } from '../system.ts';
import { emptyTally, recovered, type Tally } from './faults.ts';

/** Without the leader, commands are to be acknowledged again within this time; the others elect a new one meanwhile. */
const WITHOUT_LEADER_MAX_MS = 40_000;
/** What was under way when the leader was lost may still be answered for so long. */
const UNDER_WAY_MS = 1_000;

type Loss = {
  readonly what: string;
  readonly begin: (node: string) => Promise<void> | void;
  readonly end: (node: string) => Promise<void> | void;
};

function losses(system: System, cluster: NatsCluster): Loss[] {
  return [
    { what: 'SIGKILL', begin: (node) => system.kill(node), end: (node) => system.start(node) },
    {
      what: 'SIGSTOP',
      begin: (node) => system.signal(node, 'SIGSTOP'),
      end: (node) => system.signal(node, 'SIGCONT'),
    },
    { what: 'cut off', begin: cluster.cutOff, end: cluster.rejoin },
  ];
}

function clusterScenario(about: Pick<Scenario, 'name' | 'proves' | 'short'>, rounds: number): Scenario {
  let cluster: NatsCluster | undefined;
  return {
    ...about,
    system: {
      workers: 2,
      env: { STREAM_REPLICAS: '3' },
      async servers({ dataDir, natsPassword }) {
        cluster = await prepareNatsCluster({ dataDir, password: natsPassword });
        return { urls: { nats: cluster.url }, parts: cluster.start, close: cluster.close };
      },
    },
    async inject(system, context) {
      if (!cluster) throw new Error('The cluster was not prepared.');
      const tally = emptyTally();
      const nc = await connectToNats(cluster.url, 'chaos');
      try {
        const all = losses(system, cluster);
        for (let round = 0; round < (context.short ? 1 : rounds); round++) {
          for (const loss of context.random.shuffled(all)) {
            await context.sleep(context.random.between(1_000, 3_000));
            await lose(nc, loss, { system, context, tally });
          }
        }
      } finally {
        await nc.close();
      }
      return tally;
    },
  };
}

/** The leader is lost until the others do without it. */
async function lose(
  nc: NatsConnection,
  { what, begin, end }: Loss,
  { system, context, tally }: { system: System; context: Context; tally: Tally },
): Promise<void> {
  const { sleep, log } = context;
  const leader = await theLeader(nc, sleep);
  let without: number | undefined;
  const injected = await fault(what, `${leader}, the leader`, async () => {
    await begin(leader);
    try {
      without = await acknowledgedAgain(context);
      // The others go on without it for a moment, so that it has missed something.
      await sleep(1_000);
    } finally {
      await end(leader);
    }
  });
  tally.faults.push(injected);
  const outcome = without === undefined ? 'never' : `after ${(without / 1_000).toFixed(1)} s`;
  log(`${what} of ${injected.target}: acknowledged again without it ${outcome}`);
  tally.notes.push(`${what} of the leader: acknowledged again without it ${outcome}`);
  tally.complaints.push(...survived(without, what), ...(await recovered(system, context, injected)));
}

function survived(without: number | undefined, what: string): Complaint[] {
  if (without !== undefined) return [];
  const found = `nothing was acknowledged for ${WITHOUT_LEADER_MAX_MS / 1_000} s without the leader (${what})`;
  return [{ check: 'the cluster does not do without a node', found }];
}

async function theLeader(nc: NatsConnection, sleep: Context['sleep']): Promise<string> {
  for (;;) {
    const leader = await leaderOf(nc, streamName(LEDGER));
    if (leader !== undefined) return leader;
    await sleep(200);
  }
}

/** How long it took until something was acknowledged; undefined if nothing was. */
async function acknowledgedAgain({ load, sleep }: Context): Promise<number | undefined> {
  const begun = performance.now();
  await sleep(UNDER_WAY_MS);
  const before = load.acknowledged();
  while (load.acknowledged() === before) {
    if (performance.now() - begun > WITHOUT_LEADER_MAX_MS) return undefined;
    await sleep(20);
  }
  return performance.now() - begun;
}

export const cluster: readonly Scenario[] = [
  clusterScenario(
    {
      name: 'cluster-leader',
      proves:
        'Of three NATS nodes the leader is killed, paused and cut off: the others go on, and nothing is lost.',
      short: true,
    },
    3,
  ),
];
