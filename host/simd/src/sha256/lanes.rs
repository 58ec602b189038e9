//! The rounds of SHA-256 over vectors whose lane `i` belongs to message `i`.
//!
//! Written once as a macro, because functions of different instruction sets cannot share a generic
//! body: what is compiled for one set can only be inlined into code of the same set. The module
//! that calls it provides `Vector`, `LANES`, `splat`, `add`, `xor3`, `choose`, `majority`,
//! `rotate`, `shift`, `load_block` and `store`; it receives `hash`.
//!
//! A block's schedule is written down whole before its rounds begin: sixteen words of schedule
//! and eight of state do not fit the registers together, and moving them in and out costs more
//! than 64 stores. A round waits for the one before it; where the registers hold the states of
//! two sets of lanes, the second fills that wait.

/// Makes `hash` for the instruction sets named, over the calling module's vector operations.
macro_rules! many_lanes {
    ($features:literal) => {
        /// The hash values of all lanes, words a to h.
        type State = [Vector; 8];

        /// Hashes message `i` of each group to its digest `i`, `SETS` groups in turn; fewer groups
        /// than that at the end are left alone. `LEN` is a multiple of 64.
        #[target_feature(enable = $features)]
        pub(super) fn hash<const LEN: usize, const SETS: usize>(
            messages: &[[[u8; LEN]; LANES]],
            digests: &mut [[Digest; LANES]],
        ) {
            let mut words = [[splat(0); 64]; SETS];
            let sets = messages.as_chunks::<SETS>().0;
            let mut later = sets.iter().skip(1);
            for (messages, digests) in sets.iter().zip(digests.as_chunks_mut::<SETS>().0) {
                let next = later.next().unwrap_or(messages);
                hash_sets(messages, next, digests, &mut words);
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn hash_sets<const LEN: usize, const SETS: usize>(
            messages: &[[[u8; LEN]; LANES]; SETS],
            next: &[[[u8; LEN]; LANES]; SETS],
            digests: &mut [[Digest; LANES]; SETS],
            words: &mut [[Vector; 64]; SETS],
        ) {
            let mut start = [splat(0); 8];
            for (word, value) in start.iter_mut().zip(START) {
                *word = splat(value);
            }
            let mut states = [start; SETS];
            for block in 0..LEN / 64 {
                for (words, messages) in words.iter_mut().zip(messages) {
                    schedule(load_block(messages, block), words);
                }
                // Messages are read a line here and a line there, which no processor foresees.
                for message in next.as_flattened() {
                    message.get(64 * block).map(will_read);
                }
                let mut s = states;
                for at in (0..64).step_by(16) {
                    sixteen!(|i| {
                        for (s, words) in s.iter_mut().zip(&*words) {
                            round(s, i, words[at + i]);
                        }
                    });
                }
                add_all(&mut states, &s);
            }
            // The padding block's words are the same in every lane and known beforehand.
            let mut s = states;
            for words in Padding::<LEN>::ROUNDS.as_chunks::<16>().0 {
                sixteen!(|i| {
                    for s in &mut s {
                        round(s, i, splat(words[i]));
                    }
                });
            }
            add_all(&mut states, &s);
            for (state, digests) in states.into_iter().zip(digests) {
                store(state, digests);
            }
        }

        /// What each round adds: the block's 64 schedule words plus the round constants.
        #[inline]
        #[target_feature(enable = $features)]
        fn schedule(block: [Vector; 16], words: &mut [Vector; 64]) {
            let mut w = block;
            sixteen!(|i| words[i] = add(w[i], splat(ROUNDS[i])));
            sixteen!(|i| {
                w[i] = next_word(&w, i);
                words[16 + i] = add(w[i], splat(ROUNDS[16 + i]));
            });
            sixteen!(|i| {
                w[i] = next_word(&w, i);
                words[32 + i] = add(w[i], splat(ROUNDS[32 + i]));
            });
            sixteen!(|i| {
                w[i] = next_word(&w, i);
                words[48 + i] = add(w[i], splat(ROUNDS[48 + i]));
            });
        }

        /// The schedule word that takes the place of word `i` of the sixteen before it.
        #[inline]
        #[target_feature(enable = $features)]
        fn next_word(w: &[Vector; 16], i: usize) -> Vector {
            let (early, late) = (w[(i + 1) % 16], w[(i + 14) % 16]);
            let small0 = xor3(rotate::<7>(early), rotate::<18>(early), shift::<3>(early));
            let small1 = xor3(rotate::<17>(late), rotate::<19>(late), shift::<10>(late));
            add(add(w[i], small0), add(w[(i + 9) % 16], small1))
        }

        /// One round. Instead of moving the eight words on, d and h take new values and the next
        /// round knows the words by the names they then have.
        #[inline]
        #[target_feature(enable = $features)]
        fn round(s: &mut State, i: usize, word: Vector) {
            let at = |name: usize| (name + 16 - i) % 8;
            let (a, b, c) = (s[at(0)], s[at(1)], s[at(2)]);
            let (e, f, g) = (s[at(4)], s[at(5)], s[at(6)]);
            let large1 = xor3(rotate::<6>(e), rotate::<11>(e), rotate::<25>(e));
            let large0 = xor3(rotate::<2>(a), rotate::<13>(a), rotate::<22>(a));
            let first = add(add(s[at(7)], word), add(choose(e, f, g), large1));
            s[at(3)] = add(s[at(3)], first);
            s[at(7)] = add(first, add(large0, majority(a, b, c)));
        }

        /// The hash values after a block: what they were plus what the rounds gave.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_all<const SETS: usize>(states: &mut [State; SETS], after: &[State; SETS]) {
            let words = states.as_flattened_mut().iter_mut();
            for (word, new) in words.zip(after.as_flattened()) {
                *word = add(*word, *new);
            }
        }
    };
}

/// Does the same with 0 to 15, written out: every index is then a constant, and what can stay in
/// a register does.
macro_rules! sixteen {
    (|$i:ident| $do:expr) => {
        sixteen!(@ $i, $do, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $i:ident, $do:expr, $($n:literal)*) => {
        $({
            let $i: usize = $n;
            $do;
        })*
    };
}
