/**
 * How much memory our processes may take (`package.json` and the `Dockerfile` say the same). Batches live for a moment, and
 * many of them: room for what is young halves the time that collecting it takes. A bound for what is old keeps V8 from
 * letting it grow to four times of what lives; it is far above what was ever needed.
 */
export const NODE_FLAGS = ['--max-semi-space-size=32', '--max-old-space-size=1536'] as const;
