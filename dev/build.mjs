/** `npm run build`: compiles to `dist/`, with the files beside the code that are not code. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, prepare } from './install.mjs';

/** Folders whose files of these kinds are read or run as they are. */
const ASSETS = [
  { folder: 'projector/tables/schema', extension: '.sql' },
  { folder: 'worker', extension: '.mjs' },
];

prepare();
rmSync(join(PROJECT, 'dist'), { recursive: true, force: true });
const tsc = join(PROJECT, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: PROJECT,
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);
for (const { folder, extension } of ASSETS) {
  if (!existsSync(join(PROJECT, folder))) continue;
  for (const file of readdirSync(join(PROJECT, folder)).filter((name) => name.endsWith(extension))) {
    cpSync(join(PROJECT, folder, file), join(PROJECT, 'dist', folder, file));
  }
}
console.log('Built dist/.');
