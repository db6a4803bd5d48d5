/** Money moves as in Temporal's own sample: withdraw, deposit, and a refund when the deposit cannot be made. */
import { ActivityFailure, proxyActivities } from '@temporalio/workflow';
import type { Activities, Details } from './activities.ts';

const { withdraw, deposit, refund } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: {
    initialInterval: '1 second',
    maximumInterval: '1 minute',
    backoffCoefficient: 2,
    maximumAttempts: 500,
    nonRetryableErrorTypes: ['AccountNotFound', 'InsufficientFunds'],
  },
});

export async function moneyTransfer(details: Details): Promise<string> {
  const withdrawn = await withdraw(details);
  try {
    const deposited = await deposit(details);
    return `${withdrawn} ${deposited}`;
  } catch (error) {
    if (error instanceof ActivityFailure) await refund(details);
    throw error;
  }
}
