import { expect, it } from 'vitest';
import { eventFiles, presentEventFiles } from '../../dev/event-files.ts';

const [wanted, present] = [await eventFiles(), await presentEventFiles()];

it('there is a file for each version of each published event, and no other', () => {
  expect([...present.keys()].toSorted(), 'run `npm run events`').toEqual([...wanted.keys()].toSorted());
});

it.each([...wanted])('docs/events/%s says what the code says', (name, text) => {
  if (text === undefined) return;
  expect(present.get(name), 'run `npm run events`').toBe(text);
});
