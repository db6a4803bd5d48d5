/** All scenarios, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import { clocks } from './scenarios/clocks.ts';
import { cluster } from './scenarios/cluster.ts';
import { damage } from './scenarios/damage.ts';
import { disk } from './scenarios/disk.ts';
import { kills } from './scenarios/kills.ts';
import { network } from './scenarios/network.ts';
import { pauses } from './scenarios/pauses.ts';
import { soak } from './scenarios/soak.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...kills,
  ...pauses,
  ...clocks,
  ...network,
  ...cluster,
  ...disk,
  ...damage,
  soak,
];
