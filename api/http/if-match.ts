/** `If-Match` as RFC 9110 writes it, where entity tags are versions. */
import { invalidRequest, ProblemError } from './problem.ts';

const TAG = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;
/** Stands for a tag when only the list's shape counts. No header can contain it. */
const MARK = '\n';
const LIST = /^[ \t,]*\n(?:[ \t]*,[ \t,]*\n)*[ \t,]*$/;
const VERSION = /^"(0|[1-9][0-9]{0,14})"$/;

/**
 * The version that the resource must have; undefined for `*`, when any will do.
 * A weak tag never matches here, and nor does one that is no version.
 * @throws ProblemError if the header is missing, is no list of tags, names several versions, or none that could be
 */
export function requiredVersion(header: string | undefined): number | undefined {
  const list = header?.trim() ?? '';
  if (list === '') throw new ProblemError('precondition_required');
  if (list === '*') return undefined;
  if (!LIST.test(list.replaceAll(TAG, MARK))) {
    throw invalidRequest({ path: 'If-Match', message: 'must be an ETag in quotes, or *' });
  }
  const versions = new Set(
    [...list.matchAll(TAG)].flatMap(([, weak, tag = '']) =>
      weak === undefined ? (VERSION.exec(tag)?.[1] ?? []) : [],
    ),
  );
  // Which of several it has could only be told where it is changed, and there one is compared.
  if (versions.size > 1) throw invalidRequest({ path: 'If-Match', message: 'must name one version' });
  const [version] = versions;
  if (version !== undefined) return Number(version);
  throw new ProblemError('version_mismatch', {
    detail: 'If-Match names a version that no account can have.',
  });
}
