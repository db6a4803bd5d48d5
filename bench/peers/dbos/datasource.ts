/**
 * Transactions of DBOS with Postgres.js: the outcome is committed together with what the transaction did, so that it
 * happens once however often its workflow is recovered. DBOS's own package for Postgres.js does the same for older
 * versions of its SDK; this one leaves out the question whether the outcome is there already, which costs a round
 * trip, and lets the primary key tell.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { DBOS } from '@dbos-inc/dbos-sdk';
import {
  DBOSStepAlreadyRecordedError,
  initializeDataSourceSchemaPG,
  registerDataSource,
  registerTransaction,
  replayRecordedStep,
  type DataSourceTransactionHandler,
} from '@dbos-inc/dbos-sdk/datasource';
import type postgres from 'postgres';
import { SuperJSON } from 'superjson';
import type { Sql } from '../postgres/schema.ts';

const NAME = 'ledger';

type Connection = postgres.TransactionSql<{ bigint: bigint }>;

const current = new AsyncLocalStorage<Connection>();

/** The connection of the transaction that runs. */
export function connection(): Connection {
  const found = current.getStore();
  if (found === undefined) throw new Error('No transaction runs here.');
  return found;
}

/** Has DBOS run transactions on this pool. Comes before `DBOS.launch`. */
export function useForTransactions(sql: Sql): void {
  const handler: DataSourceTransactionHandler = {
    name: NAME,
    initialize: async () => {
      await sql.begin((opened) => initializeDataSourceSchemaPG((statement) => opened.unsafe(statement)));
    },
    destroy: async () => {},
    // oxlint-disable-next-line max-params -- DBOS calls it so
    invokeTransactionFunction: async (_config, target, work, ...args) => {
      const workflow = DBOS.workflowID;
      const step = DBOS.stepID;
      if (workflow === undefined || step === undefined)
        throw new Error('Transactions belong to workflows here.');
      type Result = Awaited<ReturnType<typeof work>>;
      try {
        const result = await sql.begin(async (opened) => {
          const done = await current.run(opened, () => work.call(target, ...args));
          const recorded = await opened`
            insert into dbos.transaction_completion (workflow_id, function_num, output)
            values (${workflow}, ${step}, ${SuperJSON.stringify(done)}) on conflict do nothing returning 1`;
          if (recorded.length === 0) throw new DBOSStepAlreadyRecordedError(workflow, step);
          return { done };
        });
        return result.done;
      } catch (error) {
        // Whatever went wrong: if this step has been recorded before, it has nothing more to do.
        const [recorded] = await sql<{ output: string | null; error: string | null }[]>`
          select output, error from dbos.transaction_completion
          where workflow_id = ${workflow} and function_num = ${step}`;
        if (recorded === undefined) throw error;
        return replayRecordedStep<Result>(recorded);
      }
    },
  };
  registerDataSource(handler);
}

/** Makes a function a transaction: called in a workflow, it takes effect once. */
export function transaction<Args extends unknown[], Result>(
  name: string,
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return registerTransaction(NAME, work, { name });
}
