/** Projections as they are typed. */
import { PROJECTIONS } from '../projector/projections/index.ts';
import type { Projection } from '../projector/projections/projection.ts';
import { WrongUsage } from './command.ts';

/** @throws WrongUsage if there is none of this name */
export function projectionNamed(name: string): Projection {
  const found = Object.values(PROJECTIONS).find((projection) => projection.name === name);
  if (found) return found;
  throw new WrongUsage(`There is no projection "${name}". There are ${Object.keys(PROJECTIONS).join(', ')}.`);
}
