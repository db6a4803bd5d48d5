/** The workflows as a careless change would leave them: a timer before the first step. Histories must not replay. */
import { sleep } from '@temporalio/workflow';
import * as original from '../../../workflows/index.ts';

/** Waits, as the recorded runs did not. */
function careless<Args extends unknown[], Result>(workflow: (...args: Args) => Promise<Result>) {
  return async (...args: Args): Promise<Result> => {
    await sleep('1 second');
    return workflow(...args);
  };
}

export const account = careless(original.account);
export const bulk = careless(original.bulk);
export const commands = careless(original.commands);
export const firing = careless(original.firing);
export const hold = careless(original.hold);
export const transfer = careless(original.transfer);
