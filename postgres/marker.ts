/** What the embedded server sets in its session, so that clients can tell it from PGlite's own server. */
export const WHOLE_EXCHANGES = 'tallybook.whole_exchanges';
