//! Bytes in pages that copies share until one of them writes: thousands of disks cost what they
//! wrote, not what they could hold.

use std::sync::Arc;

const PAGE: usize = 4096;

/// A run of bytes, zero where nothing was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    pages: Vec<Option<Arc<[u8; PAGE]>>>,
    len: usize,
}

impl Pages {
    pub(super) fn new(len: usize) -> Self {
        let mut pages = Self::default();
        pages.resize(len);
        pages
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Cuts, or grows with zeroes.
    pub(super) fn resize(&mut self, len: usize) {
        self.pages.resize(len.div_ceil(PAGE), None);
        let cut = len % PAGE;
        if cut > 0
            && let Some(Some(last)) = self.pages.last_mut()
        {
            Arc::make_mut(last)
                .get_mut(cut..)
                .unwrap_or_default()
                .fill(0);
        }
        self.len = len;
    }

    /// Whether `offset..offset + len` lies inside.
    pub(super) fn holds(&self, offset: usize, len: usize) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.len)
    }

    /// Fills `out` from `offset`, as far as there are bytes.
    pub(super) fn read(&self, offset: usize, out: &mut [u8]) {
        let mut at = offset;
        let (head, rest) = out.split_at_mut((PAGE - offset % PAGE).min(out.len()));
        for run in std::iter::once(head).chain(rest.chunks_mut(PAGE)) {
            match self.pages.get(at / PAGE) {
                Some(Some(page)) => {
                    let from = page.get(at % PAGE..).unwrap_or_default();
                    run.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
                _ => run.fill(0),
            }
            at += run.len();
        }
    }

    /// Writes `bytes` at `offset`, as far as there is room.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let mut at = offset;
        let (head, rest) = bytes.split_at((PAGE - offset % PAGE).min(bytes.len()));
        for run in std::iter::once(head).chain(rest.chunks(PAGE)) {
            if let Some(page) = self.pages.get_mut(at / PAGE) {
                let page = page.get_or_insert_with(|| Arc::new([0; PAGE]));
                let to = Arc::make_mut(page).get_mut(at % PAGE..).unwrap_or_default();
                to.iter_mut().zip(run).for_each(|(to, from)| *to = *from);
            }
            at += run.len();
        }
    }
}
