/**
 * The lifecycle of a transfer or a hold: what is known of it, the steps that it takes, and the waiting between them. The
 * log decides every step; a workflow only sees to it that each is taken when its time has come.
 */
import { ApplicationFailure } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  currentUpdateInfo,
  defineQuery,
  defineUpdate,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Current } from '../activities/index.ts';
import type { HoldResource, TransferResource } from '../contracts/http.ts';
import type {
  CommandResult,
  CarryOutOptions,
  CommandMeta,
  CommandRequest,
  Unstamped,
} from '../messages/commands.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { activitiesFor, retryForever } from './options.ts';
import { recorded } from './outcome.ts';

/** What every step needs besides its own fields. */
type StepMeta = Omit<CommandMeta, 'requested_at'>;

/** What the workflow was started for has its result as soon as the log has it; the workflow may go on for long. */
const outcome = defineUpdate<CommandResult>('outcome');
const status = defineQuery<string>('status');
/** The same as `outcome` without waiting, with the resource as it is now; undefined if there is none yet. */
const latest = defineQuery<CommandResult | undefined>('latest');

/**
 * HTTP sends a whole command with an update; a person in the Temporal UI cannot.
 * @throws ApplicationFailure if what came is not one for this update and this resource
 */
export function requireFullCommand(complete: boolean): void {
  if (complete) return;
  throw ApplicationFailure.nonRetryable('Use HTTP: the update carries a whole command', 'invalid_request');
}

/** What has a lifecycle, as a result names it. */
type Resources = { readonly transfer: TransferResource; readonly hold: HoldResource };

export class Lifecycle<Name extends keyof Resources, Kind extends Resources[Name] = Resources[Name]> {
  readonly #name: Name;
  readonly #read: () => Promise<Current<Kind>>;
  #first: CommandResult | undefined;
  #resource: Kind | undefined;
  /** When the resource was so, by the clock of whoever told it. */
  #at = '';
  #steps = 0;

  /**
   * Tells whoever asks the workflow how it stands.
   * @param name what it is the lifecycle of
   * @param read tells it as it is now
   */
  constructor(name: Name, read: () => Promise<Current<Kind>>) {
    this.#name = name;
    this.#read = read;
    setHandler(outcome, () => this.first());
    setHandler(status, () => this.status);
    setHandler(latest, () => this.#first && { ...this.#first, ...this.#current() });
  }

  /** As it is, as far as is known; undefined before the first step. */
  get resource(): Kind | undefined {
    return this.#resource;
  }

  /** The status as it is known; what nothing is known of has just been asked for. */
  get status(): string {
    return this.#resource?.status ?? 'pending';
  }

  /**
   * Takes the first step, which the workflow was started for.
   * @throws ApplicationFailure if nothing was recorded
   */
  async begin(request: CommandRequest, options: CarryOutOptions | undefined): Promise<CommandResult> {
    const result = await this.#carryOut(request, activitiesFor(options).carryOut);
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: this.#resource?.status ?? 'failed' }]);
    this.#first = result;
    return result;
  }

  /** The result of the first step, as soon as there is one. */
  async first(): Promise<CommandResult> {
    await condition(() => this.#first !== undefined);
    return this.#first as CommandResult;
  }

  /**
   * Takes a further step.
   * @throws ApplicationFailure if nothing was recorded
   */
  async step(request: Unstamped): Promise<CommandResult> {
    const before = this.status;
    const result = await this.#carryOut(request, retryForever.carryOut);
    if (this.status !== before) {
      upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: this.status }]);
    }
    return result;
  }

  /** Waits for a time, RFC 3339. False as soon as another step was taken: then all may be different. */
  async reaches(time: string): Promise<boolean> {
    const seen = this.#resource;
    const wait = Date.parse(time) - Date.parse(this.#at);
    return wait <= 0 || !(await condition(() => this.#resource !== seen, wait));
  }

  /** Names a step of the workflow's own. */
  meta(): StepMeta {
    return { actor: 'workflow', ...this.#identity() };
  }

  /** Names a step that an update asked for, as far as whoever sent it has not: a person in the Temporal UI gives no names. */
  metaOfUpdate(names: Partial<CommandMeta> = {}): StepMeta {
    return { actor: 'temporal', ...this.#identity(), ...names };
  }

  #identity() {
    this.#steps += 1;
    const step = `${workflowInfo().runId}.${this.#steps}`;
    return { command_id: step, fingerprint: currentUpdateInfo()?.name ?? 'step' };
  }

  async #carryOut(
    request: Unstamped,
    carryOut: (request: Unstamped) => ReturnType<typeof retryForever.carryOut>,
  ): Promise<CommandResult> {
    // What is on its way to the log is not called back: nobody would know whether it arrived.
    const decided = await CancellationScope.nonCancellable(() => carryOut(request));
    const result = recorded(decided);
    const resource = result[this.#name] as Kind | undefined;
    // The result of a repeat says how it was then.
    if (resource) this.#update(result.replayed ? await this.#read() : { resource, at: decided.at });
    return result;
  }

  #current(): Partial<Record<Name, Kind>> {
    return this.#resource === undefined ? {} : ({ [this.#name]: this.#resource } as Record<Name, Kind>);
  }

  /** Steps that are taken at the same time may come back in any order: what is older does not replace what is newer. */
  #update({ resource, at }: Current<Kind>): void {
    if ((resource.position ?? 0) < (this.#resource?.position ?? 0)) return;
    this.#resource = resource;
    this.#at = at;
  }
}
