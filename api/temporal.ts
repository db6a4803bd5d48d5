/**
 * Carries commands out by workflows: one command, one workflow, found in the Temporal UI under the resource's id.
 * Temporal keeps a workflow id unique only while it runs and for its retention; that a command has one effect for
 * ever is the log's promise, so whatever happens here, the same request again is safe.
 */
import {
  defaultPayloadConverter,
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandleWithStartDetails,
} from '@temporalio/client';
import { ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import type { Answer, CarryOutOptions, CommandRequest } from '../contracts/commands.ts';
import type { Notice, OutcomeBoard } from '../contracts/outcome-board.ts';
import { resourceWorkflowId, TASK_QUEUE, workflowIdOf } from '../contracts/workflow-ids.ts';
import { REJECTIONS, type RejectionCode } from '../domain/rejections.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/attributes.ts';
import type { CommandInFlight, CommandOutcome, Commands } from './commands.ts';

/** How long a request may wait for its outcome; HTTP answers within 10 s. */
const PATIENCE_MS = 8_500;
/** How long Temporal may take to make a command durable. */
const START_TIMEOUT_MS = 4_000;
/** How long to wait for the worker of this process before Temporal is asked too. */
const LOCAL_NOTICE_MS = 500;
/** Codes of gRPC. */
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;

/**
 * Commands as workflows.
 * @param board given if a worker shares the client's connection: then a workflow's first task comes back with its
 * start, and the worker tells on the board what the log has
 */
export function createCommands(client: Client, board?: OutcomeBoard): Commands {
  const workflows = new Workflows(client, board);
  return {
    carryOut: (request, { wait }) => workflows.carryOut(request, wait),
    find: ({ type, id }) => workflows.find(resourceWorkflowId(type, id)),
  };
}

class Workflows {
  readonly #client: Client;
  readonly #board: OutcomeBoard | undefined;

  constructor(client: Client, board: OutcomeBoard | undefined) {
    this.#client = client;
    this.#board = board;
  }

  async carryOut(request: CommandRequest, wait: boolean): Promise<CommandOutcome> {
    const deadline = Date.now() + PATIENCE_MS;
    const workflowId = workflowIdOf(request);
    // Before the start: the worker may be done before the start has returned.
    const local = wait ? this.#board?.expect(workflowId) : undefined;
    try {
      for (;;) {
        const handle = await this.#start(request, { workflowId, wait });
        if (handle) {
          if (!wait) return { type: 'accepted', workflowId };
          const answer =
            (await heard(local?.notice)) ?? (await this.#within(deadline, () => handle.result()));
          return { type: 'answered', answer, replayed: answer.replayed };
        }
        const joined = await this.#join(request, { workflowId, wait, deadline });
        if (joined) return joined;
      }
    } catch (error) {
      return outcomeOfFailure(error);
    } finally {
      local?.cancel();
    }
  }

  /** Starts the command's workflow; undefined if there is one already. */
  async #start(
    request: CommandRequest,
    { workflowId, wait }: { workflowId: string; wait: boolean },
  ): Promise<WorkflowHandleWithStartDetails | undefined> {
    const transfer = request.type === 'transfer';
    // Whoever waits can be told to come again; what is accepted without waiting is carried out.
    const options: CarryOutOptions[] = wait ? [{ onOverload: 'fail' }] : [];
    try {
      return await this.#within(Date.now() + START_TIMEOUT_MS, () =>
        this.#client.workflow.start(transfer ? 'transfer' : 'account', {
          workflowId,
          taskQueue: TASK_QUEUE,
          args: [request, ...options],
          requestEagerStart: this.#board !== undefined,
          staticSummary: summary(request),
          typedSearchAttributes: searchAttributes(request),
          // A transfer happens once, so only a run that recorded nothing may be followed by another.
          workflowIdReusePolicy: transfer ? 'ALLOW_DUPLICATE_FAILED_ONLY' : 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'FAIL',
        }),
      );
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
      throw error;
    }
  }

  /**
   * Takes the outcome of the workflow that is there already, if it carries the same request. Otherwise a transfer's
   * key was used before, and an account's other command is waited for; then undefined says to start again. So it does
   * to a request that does not wait, when the workflow gave up at a full queue.
   */
  async #join(
    request: CommandRequest,
    { workflowId, wait, deadline }: { workflowId: string; wait: boolean; deadline: number },
  ): Promise<CommandOutcome | undefined> {
    const handle = this.#client.workflow.getHandle<(request: CommandRequest) => Promise<Answer>>(workflowId);
    const { request: running, options } = await this.#within(deadline, () => this.#input(workflowId));
    const same = running.fingerprint === request.fingerprint;
    if (!same && request.type === 'transfer') {
      const detail = 'This Idempotency-Key was used for another request.';
      return { type: 'refused', rejection: { code: 'idempotency_key_reused', detail } };
    }
    // A workflow that ends when the queue is full is no promise that its command will be carried out.
    if (same && !wait && options.onOverload !== 'fail') {
      const { status } = await this.#within(deadline, () => handle.describe());
      if (status.name === 'RUNNING') return { type: 'accepted', workflowId };
    }
    const result = this.#within(deadline, () => handle.result());
    if (same) {
      const answer = await result.catch((error: unknown): undefined => {
        if (wait || !isOverloaded(error)) throw error;
      });
      return answer && { type: 'answered', answer, replayed: true };
    }
    await result.catch((error: unknown) => {
      if (!(error instanceof WorkflowFailedError)) throw error;
    });
    return undefined;
  }

  async find(workflowId: string): Promise<CommandInFlight | undefined> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    const handle = this.#client.workflow.getHandle<(request: CommandRequest) => Promise<Answer>>(workflowId);
    try {
      const { status } = await this.#within(deadline, () => handle.describe());
      if (status.name === 'RUNNING') {
        const { request } = await this.#within(deadline, () => this.#input(workflowId));
        return { type: 'running', request, workflowId };
      }
      if (status.name !== 'COMPLETED') return undefined;
      return { type: 'answered', answer: await this.#within(deadline, () => handle.result()) };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  /** What the latest run of a workflow was started with. */
  async #input(workflowId: string): Promise<{ request: CommandRequest; options: CarryOutOptions }> {
    const { namespace } = this.#client.options;
    const response = await this.#client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId },
      maximumPageSize: 1,
    });
    const started = response.history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    const [request, options] = started?.input?.payloads ?? [];
    if (!request) throw new Error(`Workflow ${workflowId} has no input`);
    return {
      request: defaultPayloadConverter.fromPayload<CommandRequest>(request),
      options: options ? defaultPayloadConverter.fromPayload<CarryOutOptions>(options) : {},
    };
  }

  #within<Result>(deadline: number, call: () => Promise<Result>): Promise<Result> {
    return this.#client.withDeadline(deadline, call);
  }
}

/** What the worker tells soon; undefined if it tells nothing, so that Temporal must be asked. */
async function heard(notice: Promise<Notice> | undefined): Promise<Notice> {
  if (!notice) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LOCAL_NOTICE_MS);
  });
  return Promise.race([notice, silence]).finally(() => clearTimeout(timer));
}

function searchAttributes(request: CommandRequest) {
  const { accounts, kind, status, currency, amount } = SEARCH_ATTRIBUTES;
  if (request.type !== 'transfer') {
    return [
      { key: accounts, value: [request.id] },
      { key: kind, value: request.type },
      { key: status, value: 'pending' },
    ];
  }
  const minorUnits = Number(request.amount);
  return [
    { key: accounts, value: [request.source, request.destination] },
    { key: kind, value: request.kind },
    { key: status, value: 'pending' },
    { key: currency, value: request.currency },
    // Temporal's Int goes through a JSON number: an amount that would not survive it exactly is left out.
    ...(Number.isSafeInteger(minorUnits) ? [{ key: amount, value: minorUnits }] : []),
  ];
}

/** One line for the Temporal UI. */
function summary(request: CommandRequest): string {
  if (request.type !== 'transfer') return `${request.type.slice('account.'.length)} account ${request.id}`;
  const { kind, amount, currency, source, destination } = request;
  return `${kind} of ${amount} ${currency}: ${source} → ${destination}`;
}

/** What a failed start or a failed workflow means for the request. A bug is thrown on. */
function outcomeOfFailure(error: unknown): CommandOutcome {
  if (error instanceof WorkflowFailedError) {
    const causes = causesOf(error);
    const failure = causes.find((cause) => cause instanceof ApplicationFailure);
    const code = REJECTIONS.find((rejection) => rejection === failure?.type) satisfies
      RejectionCode | undefined;
    if (failure && code) return { type: 'refused', rejection: { code, detail: failure.message } };
    if (failure?.type === 'overloaded') return unavailable('overloaded', failure.message);
    if (failure?.type === 'dependency_unavailable' || causes.some((c) => c instanceof TimeoutFailure)) {
      return unavailable('dependency_unavailable', failure?.message ?? 'The log did not answer in time.');
    }
    throw error;
  }
  const codes = causesOf(error).flatMap((cause) => (isGrpcServiceError(cause) ? [cause.code as number] : []));
  if (codes.includes(RESOURCE_EXHAUSTED)) {
    return unavailable('overloaded', 'Temporal takes no more commands for now.');
  }
  if (error instanceof ServiceError || codes.length > 0) {
    const detail = codes.includes(DEADLINE_EXCEEDED)
      ? 'No outcome in time. The command may still be carried out; the same request again will tell.'
      : 'Temporal does not answer. The same request again will tell whether the command was taken.';
    return unavailable('dependency_unavailable', detail);
  }
  throw error;
}

function isOverloaded(error: unknown): boolean {
  return causesOf(error).some((cause) => cause instanceof ApplicationFailure && cause.type === 'overloaded');
}

function unavailable(code: 'dependency_unavailable' | 'overloaded', detail: string): CommandOutcome {
  return { type: 'unavailable', code, detail };
}

function causesOf(error: unknown): unknown[] {
  const causes = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause);
  return causes;
}
