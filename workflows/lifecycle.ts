/**
 * The course of a transfer or a hold: what is known of it, the steps that it takes, and the waiting between them. The
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
  Answer,
  CarryOutOptions,
  CommandMeta,
  CommandRequest,
  Unstamped,
} from '../messages/commands.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { activitiesFor, steadfast } from './options.ts';
import { recorded } from './outcome.ts';

/** What every step needs besides its own fields. */
type StepMeta = Omit<CommandMeta, 'requested_at'>;

/** What the workflow was started for is answered as soon as the log has it; the workflow may go on for long. */
const outcome = defineUpdate<Answer>('outcome');
const status = defineQuery<string>('status');
/** The same as `outcome` without waiting, with the resource as it is now; undefined if there is none yet. */
const latest = defineQuery<Answer | undefined>('latest');

/**
 * HTTP sends a whole command with an update; a person in the Temporal UI cannot.
 * @throws ApplicationFailure if what came is not one for this update and this resource
 */
export function requireWholeCommand(whole: boolean): void {
  if (whole) return;
  throw ApplicationFailure.nonRetryable('Use HTTP: the update carries a whole command', 'invalid_request');
}

/** What can take its course, as an answer names it. */
type Resources = { readonly transfer: TransferResource; readonly hold: HoldResource };

export class Course<Name extends keyof Resources, Kind extends Resources[Name] = Resources[Name]> {
  readonly #name: Name;
  readonly #read: () => Promise<Current<Kind>>;
  #first: Answer | undefined;
  #resource: Kind | undefined;
  /** When the resource was so, by the clock of whoever told it. */
  #at = '';
  #steps = 0;

  /**
   * Tells whoever asks the workflow how it stands.
   * @param name what it is the course of
   * @param read tells it as it is now
   */
  constructor(name: Name, read: () => Promise<Current<Kind>>) {
    this.#name = name;
    this.#read = read;
    setHandler(outcome, () => this.first());
    setHandler(status, () => this.status);
    setHandler(latest, () => this.#first && { ...this.#first, ...this.#shown() });
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
  async begin(request: CommandRequest, options: CarryOutOptions | undefined): Promise<Answer> {
    const answer = await this.#carryOut(request, activitiesFor(options).carryOut);
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: this.#resource?.status ?? 'failed' }]);
    this.#first = answer;
    return answer;
  }

  /** The answer to the first step, as soon as there is one. */
  async first(): Promise<Answer> {
    await condition(() => this.#first !== undefined);
    return this.#first as Answer;
  }

  /**
   * Takes a further step.
   * @throws ApplicationFailure if it was refused
   */
  async step(request: Unstamped): Promise<Answer> {
    const before = this.status;
    const answer = await this.#carryOut(request, steadfast.carryOut);
    if (this.status !== before) {
      upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: this.status }]);
    }
    return answer;
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
  metaOfUpdate(given: Partial<CommandMeta> = {}): StepMeta {
    return { actor: 'temporal', ...this.#identity(), ...given };
  }

  #identity() {
    this.#steps += 1;
    const step = `${workflowInfo().runId}.${this.#steps}`;
    return { command_id: step, fingerprint: currentUpdateInfo()?.name ?? 'step' };
  }

  async #carryOut(
    request: Unstamped,
    carryOut: (request: Unstamped) => ReturnType<typeof steadfast.carryOut>,
  ): Promise<Answer> {
    // What is on its way to the log is not called back: nobody would know whether it arrived.
    const result = await CancellationScope.nonCancellable(() => carryOut(request));
    const answer = recorded(result);
    const resource = answer[this.#name] as Kind | undefined;
    // An answer of old says how it was then.
    if (resource) this.#know(answer.replayed ? await this.#read() : { resource, at: result.at });
    return answer;
  }

  #shown(): Partial<Record<Name, Kind>> {
    return this.#resource === undefined ? {} : ({ [this.#name]: this.#resource } as Record<Name, Kind>);
  }

  /** Steps that are taken at the same time may come back in any order: what is older does not replace what is newer. */
  #know({ resource, at }: Current<Kind>): void {
    if ((resource.position ?? 0) < (this.#resource?.position ?? 0)) return;
    this.#resource = resource;
    this.#at = at;
  }
}
