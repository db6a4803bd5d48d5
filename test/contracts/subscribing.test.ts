import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

const shown = [...read('docs/subscribing.md').matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, path = '', program = '']) => ({ path, program }),
);

it('docs/subscribing.md shows every program of examples/subscribing, and no other TypeScript', () => {
  const programs = readdirSync(new URL('examples/subscribing', ROOT)).map(
    (name) => `examples/subscribing/${name}`,
  );
  expect(shown.map(({ path }) => path).toSorted()).toEqual(programs.toSorted());
  expect(read('docs/subscribing.md').match(/^```(ts|typescript|js)\b/gm)).toHaveLength(programs.length);
});

it.each(shown)('$path is what the page shows', ({ path, program }) => {
  expect(program).toBe(read(path));
});
