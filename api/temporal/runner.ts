/**
 * Carries commands out by workflows: one command, one workflow, found in the Temporal UI under the resource's id. What
 * is said to a transfer or a hold that waits goes to its workflow as an update.
 * Temporal keeps a workflow id unique only while it runs and for its retention; that a command has one effect for
 * ever is the log's promise, so whatever happens here, the same request again is safe.
 */
import {
  defaultPayloadConverter,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import type { HoldResource, TransferResource } from '../../contracts/http.ts';
import { KEY_REUSED } from '../../domain/rejections.ts';
import {
  makesTransfer,
  type CommandResult,
  type CarryOutOptions,
  type CommandRequest,
} from '../../messages/commands.ts';
import { outcomeKey, type LocalOutcomes } from '../../messages/local-outcomes.ts';
import { resourceWorkflowId, TASK_QUEUE, workflowIdOf, workflowTypeOf } from '../../messages/workflow-ids.ts';
import type { CommandInFlight, CommandOutcome, Commands } from '../commands/commands.ts';
import { createBatchRunner } from './batch-runner.ts';
import { createCoalescer, type CoalescingLimits } from './coalescer.ts';
import { isOver, isOverloaded, outcomeOfFailure } from './failures.ts';
import { searchAttributes, summary } from './labels.ts';
import { awaitLocalOutcome } from './local-outcome.ts';

/** How long a request may wait for its outcome; HTTP answers within 10 s. */
const PATIENCE_MS = 8_500;
/** How long Temporal may take to make a command durable. */
const START_TIMEOUT_MS = 4_000;
/** How long a worker may take to say how a workflow stands. */
const QUERY_TIMEOUT_MS = 2_000;
/** More workflows at once only take the processor from each other (ADR 13 has the measurements). */
const COALESCING: CoalescingLimits = {
  inFlightMax: 1,
  countMax: 330,
  bytesMax: 256 * 1024,
  queueMax: 10_000,
  patienceMs: PATIENCE_MS,
  slowMs: 500,
};

/**
 * Commands as workflows.
 * @param coalescing how commands that come at the same time share a workflow; `off`: each has its own
 * @param localOutcomes given if a worker shares the client's connection: then a workflow's first task comes back with its
 * start, and the worker publishes what the log has to them
 */
export function createCommands(
  client: Client,
  localOutcomes?: LocalOutcomes,
  coalescing: Partial<CoalescingLimits> | 'off' = {},
): Commands {
  const workflows = new Workflows(client, localOutcomes);
  const runOne = (request: CommandRequest, deadline?: number) => workflows.carryOut(request, true, deadline);
  const runBatch = createBatchRunner(client, { runOne, localOutcomes });
  const coalesce =
    coalescing === 'off'
      ? (request: CommandRequest) => runOne(request)
      : createCoalescer({ runOne, runBatch }, { ...COALESCING, ...coalescing });
  /** What is being asked for with a key, by the request. A workflow takes few updates at once, and clients are hasty. */
  const inFlight = new Map<string, Promise<CommandOutcome>>();
  return {
    async carryOut(request, { wait }) {
      const { idempotency_key: key, fingerprint } = request;
      // What nobody waits for is found under its own id until the read model shows it.
      if (!wait) return workflows.carryOut(request, wait);
      const run = (): Promise<CommandOutcome> =>
        updates(request) || mayWait(request) ? runOne(request) : coalesce(request);
      if (key === undefined) return run();
      const name = `${key} ${fingerprint}`;
      const same = inFlight.get(name);
      if (same) return repeated(await same);
      const outcome = run();
      inFlight.set(name, outcome);
      return outcome.finally(() => inFlight.delete(name));
    },
    find: ({ type, id }) => workflows.find(resourceWorkflowId(type, id)),
  };
}

/** The outcome of a request for another one that is the same. */
function repeated(outcome: CommandOutcome): CommandOutcome {
  return outcome.type === 'recorded' ? { ...outcome, replayed: true } : outcome;
}

/** What a workflow gives in the end. */
type Ended = CommandResult & { readonly ended?: TransferResource | HoldResource };
type Handle = WorkflowHandle<(request: CommandRequest) => Promise<Ended>>;

/**
 * One run of a resource's workflow. Others may follow it under the same id at any moment, for other commands: whoever
 * wants to know what became of one command asks its own run.
 */
type Run = { readonly runId: string; readonly handle: Handle };

/** One way of carrying a command out. */
type RunOptions = { readonly workflowId: string; readonly wait: boolean; readonly deadline: number };

class Workflows {
  readonly #client: Client;
  readonly #localOutcomes: LocalOutcomes | undefined;
  /** The last of those that wait to tell a workflow something, by its id. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(client: Client, localOutcomes: LocalOutcomes | undefined) {
    this.#client = client;
    this.#localOutcomes = localOutcomes;
  }

  async carryOut(
    request: CommandRequest,
    wait: boolean,
    deadline = Date.now() + PATIENCE_MS,
  ): Promise<CommandOutcome> {
    const runOptions = { workflowId: workflowIdOf(request), wait, deadline };
    try {
      return await this.#carryOut(request, runOptions);
    } catch (error) {
      return outcomeOfFailure(error);
    }
  }

  /**
   * One after the other: a workflow takes few updates at once, and of more than ten the server refuses some and the SDK
   * (1.24) loses others.
   */
  async #inTurn<Result>(workflowId: string, update: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(workflowId);
    const turn = (before ?? Promise.resolve()).catch(() => {}).then(update);
    this.#turns.set(workflowId, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(workflowId) === turn) this.#turns.delete(workflowId);
    }
  }

  /** Tells the workflow that waits; undefined if none does, so that one must be started to do what is asked. */
  async #update(
    request: CommandRequest,
    { workflowId, wait, deadline }: RunOptions,
  ): Promise<CommandOutcome | undefined> {
    // Whichever run is there: an update carries its command, and gives what became of that.
    const handle = this.#client.workflow.getHandle(workflowId);
    const name = createsResource(request) ? 'repeat' : request.type.slice(request.type.indexOf('.') + 1);
    try {
      if (wait) {
        const result = await this.#within(deadline, () =>
          handle.executeUpdate<CommandResult, [CommandRequest]>(name, { args: [request] }),
        );
        return { type: 'recorded', result, replayed: result.replayed };
      }
      await this.#within(deadline, () =>
        handle.startUpdate<CommandResult, [CommandRequest]>(name, {
          args: [request],
          waitForStage: 'ACCEPTED',
        }),
      );
      return { type: 'accepted', workflowId };
    } catch (error) {
      if (isOver(error)) return undefined;
      throw error;
    }
  }

  /**
   * By the workflow that sees the resource through, if there is one, else by a run of the command's own. What begins
   * something has a run of its own; repeated, it may find that the resource is seen through by a run of another command.
   */
  async #carryOut(request: CommandRequest, runOptions: RunOptions): Promise<CommandOutcome> {
    const { workflowId } = runOptions;
    let asUpdate = updates(request);
    for (;;) {
      const outcome = asUpdate
        ? await this.#inTurn(workflowId, () => this.#update(request, runOptions))
        : await this.#run(request, runOptions);
      if (outcome) return outcome;
      asUpdate = !asUpdate && workflowTypeOf(request) !== 'account';
    }
  }

  /**
   * Starts the command's workflow, or joins the one that carries the same request; undefined if one is under way that
   * carries another, and may go on for long.
   */
  async #run(request: CommandRequest, runOptions: RunOptions): Promise<CommandOutcome | undefined> {
    const { workflowId, wait } = runOptions;
    // Before the start: the worker may be done before the start has returned.
    const local = wait ? this.#localOutcomes?.waitFor(outcomeKey(request)) : undefined;
    // What begins something begins it once, so only a run that recorded nothing may be followed by another.
    let reuse: 'ALLOW_DUPLICATE_FAILED_ONLY' | 'ALLOW_DUPLICATE' = createsResource(request)
      ? 'ALLOW_DUPLICATE_FAILED_ONLY'
      : 'ALLOW_DUPLICATE';
    try {
      for (;;) {
        const run = await this.#start(request, runOptions, reuse);
        if (run) {
          if (!wait) return { type: 'accepted', workflowId };
          const result =
            ((await awaitLocalOutcome(local?.ofRun(run.runId))) as CommandResult | undefined) ??
            (await this.#result(run, request, runOptions));
          return { type: 'recorded', result, replayed: result.replayed };
        }
        const joined = await this.#join(request, runOptions);
        if (joined !== 'start again') return joined === 'tell it' ? undefined : joined;
        reuse = 'ALLOW_DUPLICATE';
      }
    } finally {
      local?.cancel();
    }
  }

  /** Starts a workflow; undefined if there is one already. */
  async #start(
    request: CommandRequest,
    { workflowId, wait }: RunOptions,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' | 'ALLOW_DUPLICATE',
  ): Promise<Run | undefined> {
    // Whoever waits can be told to come again; what is accepted without waiting is carried out.
    const options: CarryOutOptions[] = wait ? [{ onOverload: 'fail' }] : [];
    try {
      const { firstExecutionRunId } = await this.#within(Date.now() + START_TIMEOUT_MS, () =>
        this.#client.workflow.start(workflowTypeOf(request), {
          workflowId,
          taskQueue: TASK_QUEUE,
          args: [request, ...options],
          requestEagerStart: this.#localOutcomes !== undefined,
          staticSummary: summary(request),
          typedSearchAttributes: searchAttributes(request),
          workflowIdReusePolicy,
          workflowIdConflictPolicy: 'FAIL',
        }),
      );
      return this.#runOf(workflowId, firstExecutionRunId);
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
      throw error;
    }
  }

  /** The result of what a run was started for, which may be long before its end. */
  async #result(
    { handle }: Run,
    request: CommandRequest,
    { deadline }: Pick<RunOptions, 'deadline'>,
  ): Promise<CommandResult> {
    if (mayWait(request)) {
      try {
        return await this.#within(deadline, () => handle.executeUpdate<CommandResult, []>('outcome'));
      } catch (error) {
        // It has ended in the meantime, and so it has a result.
        if (!isOver(error)) throw error;
      }
    }
    return await this.#within(deadline, () => handle.result());
  }

  /**
   * Takes the outcome of the run that is there already, if it carries the same request. If it has begun the same thing in
   * another way, the key was used before. Of another command, a run that sees a transfer or a hold through is to be told;
   * the end of any other is waited for. A request that does not wait starts again when that run gave up at a full queue.
   */
  async #join(
    request: CommandRequest,
    { workflowId, wait, deadline }: RunOptions,
  ): Promise<CommandOutcome | 'start again' | 'tell it'> {
    const run = await this.#latestRun(workflowId, deadline);
    if (run === undefined) return 'start again';
    const { request: running, options } = await this.#within(deadline, () => this.#input(run));
    const goesOn = run.status === 'RUNNING';
    // The same words under another key are another command: of two who void a hold, one is told that it was too late.
    if (outcomeKey(running) === outcomeKey(request)) {
      // A workflow that ends when the queue is full is no promise that its command will be carried out.
      if (!wait && goesOn && options.onOverload !== 'fail') return { type: 'accepted', workflowId };
      const result = await this.#result(run, request, { deadline }).catch((error: unknown): undefined => {
        if (wait || !isOverloaded(error)) throw error;
      });
      return result ? { type: 'recorded', result, replayed: true } : 'start again';
    }
    if (createsResource(request) && createsResource(running)) return { type: 'error', rejection: KEY_REUSED };
    if (goesOn && workflowTypeOf(request) !== 'account') return 'tell it';
    await this.#within(deadline, () => run.handle.result()).catch((error: unknown) => {
      if (!(error instanceof WorkflowFailedError)) throw error;
    });
    return 'start again';
  }

  async find(workflowId: string): Promise<CommandInFlight | undefined> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    const run = await this.#latestRun(workflowId, deadline);
    if (run?.status === 'RUNNING') {
      const { request } = await this.#within(deadline, () => this.#input(run));
      const result = mayWait(request) ? await this.#soFar(run) : undefined;
      return result ? { type: 'recorded', result } : { type: 'running', request, workflowId };
    }
    if (run?.status !== 'COMPLETED') return undefined;
    return { type: 'recorded', result: latest(await this.#within(deadline, () => run.handle.result())) };
  }

  /** The run that a workflow id stands for now; undefined if there is none, or none any more. */
  async #latestRun(workflowId: string, deadline: number): Promise<(Run & { status: string }) | undefined> {
    try {
      const handle = this.#client.workflow.getHandle(workflowId);
      const { runId, status } = await this.#within(deadline, () => handle.describe());
      return { ...this.#runOf(workflowId, runId), status: status.name };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  #runOf(workflowId: string, runId: string): Run {
    type Carried = (request: CommandRequest) => Promise<Ended>;
    return { runId, handle: this.#client.workflow.getHandle<Carried>(workflowId, runId) };
  }

  /** What a workflow that waits has to tell by now; undefined if that is nothing, or no worker is there to tell it. */
  async #soFar({ handle }: Run): Promise<CommandResult | undefined> {
    try {
      return await this.#within(Date.now() + QUERY_TIMEOUT_MS, () =>
        handle.query<CommandResult | undefined>('latest'),
      );
    } catch {
      return undefined;
    }
  }

  /** What a run was started with. */
  async #input({ runId, handle }: Run): Promise<{ request: CommandRequest; options: CarryOutOptions }> {
    const { namespace } = this.#client.options;
    const response = await this.#client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId: handle.workflowId, runId },
      maximumPageSize: 1,
    });
    const started = response.history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    const [request, options] = started?.input?.payloads ?? [];
    if (!request) throw new Error(`Workflow ${handle.workflowId} has no input`);
    return {
      request: defaultPayloadConverter.fromPayload<CommandRequest>(request),
      options: options ? defaultPayloadConverter.fromPayload<CarryOutOptions>(options) : {},
    };
  }

  #within<Result>(deadline: number, call: () => Promise<Result>): Promise<Result> {
    return this.#client.withDeadline(deadline, call);
  }
}

/** What is said to something that has its own workflow while it waits. */
function updates({ type }: CommandRequest): boolean {
  return (type.startsWith('transfer.') || type.startsWith('hold.')) && type !== 'hold.place';
}

/** What makes the resource that its workflow is about. */
function createsResource(request: CommandRequest): boolean {
  return makesTransfer(request) || request.type === 'hold.place';
}

/** What may have a result long before its workflow ends. */
function mayWait(request: CommandRequest): boolean {
  if (request.type === 'transfer') {
    const { approval_expires_at, scheduled_for, rail } = request;
    return approval_expires_at !== undefined || scheduled_for !== undefined || rail !== undefined;
  }
  return request.type === 'hold.place' ? request.expires_at !== undefined : updates(request);
}

/** The result with the resource as it ended. */
function latest({ ended, ...result }: Ended): CommandResult {
  if (ended === undefined) return result;
  return 'captured' in ended ? { ...result, hold: ended } : { ...result, transfer: ended };
}
