/**
 * Old versions of events, read as the newest. What is stored is never rewritten: hashes cover it as it is. An upcaster
 * takes the data of one version and gives that of the next; whoever reads sees only the newest.
 */

type Data = Readonly<Record<string, unknown>>;
type Upcasters = Readonly<Record<string, readonly ((data: Data) => Data)[]>>;

/** By the event's name, from its first version on. No event has had a second one yet. */
const UPCASTERS: Upcasters = {};

/** The version in which an event is written today, from 1. */
export function newestVersion(name: string, upcasters: Upcasters = UPCASTERS): number {
  return (upcasters[name]?.length ?? 0) + 1;
}

/**
 * The data of an event in its newest version.
 * @param version in which it is stored
 * @throws Error for a version that this Tallybook does not know, which a newer one has written.
 */
export function upcast(
  { name, version }: { name: string; version: number },
  data: Data,
  upcasters: Upcasters = UPCASTERS,
): Data {
  const newest = newestVersion(name, upcasters);
  if (version > newest) {
    throw new Error(
      `${name} of version ${version} was written by a newer Tallybook: this one knows ${newest}`,
    );
  }
  const steps = upcasters[name]?.slice(version - 1) ?? [];
  return steps.reduce((current, step) => step(current), data);
}
