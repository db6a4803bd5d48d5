/**
 * Old versions of events, read as the newest. What is stored is never rewritten: hashes cover it as it is. An upcaster
 * takes the data of one version and gives that of the next; whoever reads sees only the newest.
 */

/** The version in which an event is written today; those that are not named here are at their first. */
export const EVENT_VERSIONS: Readonly<Record<string, number>> = { CommandRecorded: 2 };

type Data = Readonly<Record<string, unknown>>;

/** By event, from its first version on. */
const UPCASTERS: Readonly<Record<string, readonly ((data: Data) => Data)[]>> = {
  CommandRecorded: [
    // The account's fields stood beside the others; now they are together, so that a result can be another resource's.
    ({ account, created, ...state }) => ({ created, account: { id: account, ...state } }),
  ],
};

/**
 * The data of an event in its newest version.
 * @throws Error for a version that this Tallybook does not know, which a newer one has written.
 */
export function upcast(name: string, version: number, data: Data): Data {
  const newest = EVENT_VERSIONS[name] ?? 1;
  if (version > newest) {
    throw new Error(
      `${name} of version ${version} was written by a newer Tallybook: this one knows ${newest}`,
    );
  }
  const steps = UPCASTERS[name]?.slice(version - 1) ?? [];
  return steps.reduce((current, step) => step(current), data);
}
