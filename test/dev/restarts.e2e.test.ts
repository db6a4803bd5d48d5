import { cp, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SHARED = ['node_modules', '.cache'];
const LEFT_OUT = new Set([...SHARED, '.git', '.data', 'dist', 'test', 'docs', 'bench', 'chaos']);

/** A copy of the sources, since other tests run what is in the project. */
let project: string;
let tallybook: Throwaway;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'tallybook-sources-'));
  // The times are kept: a lock file that is newer than the packages would have them installed again.
  await cp(ROOT, project, {
    recursive: true,
    preserveTimestamps: true,
    filter: (source) => !LEFT_OUT.has(relative(ROOT, source)),
  });
  for (const name of SHARED) await symlink(join(ROOT, name), join(project, name));
  tallybook = await startThrowaway({}, [join(project, 'dev/run.mjs'), 'dev/start.ts', '--watch']);
});
afterAll(async () => {
  await tallybook.remove();
  await rm(project, { recursive: true, force: true });
});

async function change(file: string, edit: (text: string) => string): Promise<void> {
  const path = join(project, file);
  // In one step, as many editors do: a file that is cut off first and then written changes twice.
  await writeFile(`${path}.new`, edit(await readFile(path, 'utf8')));
  await rename(`${path}.new`, path);
}

/** Which parts have restarted because of which file. */
const restarts = () =>
  [...tallybook.output().matchAll(/↻ (.*) restarted \((\S+) has changed\)/g)].map(([, part, file]) => [
    part,
    file,
  ]);

async function printed(what: string, times = 1): Promise<void> {
  const count = () => tallybook.output().split(what).length - 1;
  await expect.poll(count, { timeout: 40_000, interval: 200 }).toBe(times);
}

async function logged(part: string, what: string): Promise<void> {
  const log = () => readFile(join(tallybook.dataDir, `logs/${part}.log`), 'utf8');
  await expect.poll(log, { timeout: 20_000 }).toContain(what);
}

test('npm run dev restarts a part when its sources change, the other one keeps running, and a mistake ends nothing', async () => {
  await printed('Watching the sources');
  await change('main.ts', (text) =>
    text.replace('console.log(`Tallybook answers', "console.log('changed'); console.log(`Tallybook answers"),
  );
  await printed('API and worker restarted');
  expect(restarts()).toEqual([['API and worker', 'main.ts']]);
  await logged('app', 'changed');

  await change('projector/main.ts', (text) => `console.log('changed');\n${text}`);
  await printed('projector restarted');
  expect(restarts().at(-1)).toEqual(['projector', 'projector/main.ts']);
  await logged('projector', 'changed');

  const whole = await readFile(join(project, 'main.ts'), 'utf8');
  await change('main.ts', (text) => `${text}\nthis is no TypeScript`);
  await printed('API and worker ended by itself');
  await change('main.ts', () => whole);
  await printed('API and worker restarted', 2);
  expect((await fetch(`${tallybook.url}/readyz`)).status).toBe(200);
  expect(restarts()).toHaveLength(3);

  // Workflows are bundled by a process of their own, and domain/ is in both parts.
  await change('workflows/index.ts', (text) => `${text}\n`);
  await printed('API and worker restarted', 3);
  expect(restarts().at(-1)).toEqual(['API and worker', 'workflows/index.ts']);
  await change('domain/money.ts', (text) => `${text}\n`);
  await printed('API and worker restarted', 4);
  await printed('projector restarted', 2);
  expect(await tallybook.stop()).toBe(0);
});
