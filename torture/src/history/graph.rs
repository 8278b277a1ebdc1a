//! A directed graph whose cycles are looked for.

use std::collections::VecDeque;

/// From how many nodes of a knot a short cycle is looked for.
const STARTS_MAX: usize = 200;
/// A node that has not been visited.
const UNVISITED: u32 = u32::MAX;

/// Edges from node to node, each with a label.
#[derive(Debug)]
pub struct Graph<L> {
    edges: Vec<Vec<(u32, L)>>,
}

impl<L: Copy> Graph<L> {
    pub fn new(nodes: usize) -> Self {
        Graph {
            edges: vec![Vec::new(); nodes],
        }
    }

    pub fn add(&mut self, from: usize, to: usize, label: L) {
        if from != to {
            self.edges[from].push((to as u32, label));
        }
    }

    pub fn edge_count(&self) -> usize {
        self.edges.iter().map(Vec::len).sum()
    }

    /// A short cycle as the nodes on it, each with the label of the edge that leaves it; `None`
    /// where there is no cycle. Looks for one that has few nodes for which `counts` is true.
    pub fn find_cycle(&self, counts: impl Fn(usize) -> bool) -> Option<Vec<(usize, L)>> {
        let knots = self.knots();
        let mut sizes = vec![0usize; self.edges.len()];
        for &knot in &knots {
            sizes[knot as usize] += 1;
        }
        (0..self.edges.len())
            .filter(|&node| sizes[knots[node] as usize] > 1 && counts(node))
            .take(STARTS_MAX)
            .filter_map(|start| self.cycle_through(start, &knots, &counts))
            .min_by_key(|cycle| cycle.iter().filter(|(node, _)| counts(*node)).count())
    }

    /// For each node the number of its strongly connected component (Tarjan's, without recursion).
    fn knots(&self) -> Vec<u32> {
        let nodes = self.edges.len();
        let mut knots = vec![UNVISITED; nodes];
        let mut order = vec![UNVISITED; nodes];
        let mut low = vec![0u32; nodes];
        let mut open: Vec<usize> = Vec::new();
        let mut path: Vec<(usize, usize)> = Vec::new();
        let (mut visited, mut knot_count) = (0, 0);
        for root in 0..nodes {
            if order[root] != UNVISITED {
                continue;
            }
            path.push((root, 0));
            while let Some((node, edge)) = path.pop() {
                if edge == 0 {
                    order[node] = visited;
                    low[node] = visited;
                    visited += 1;
                    open.push(node);
                }
                if let Some(&(to, _)) = self.edges[node].get(edge) {
                    let to = to as usize;
                    path.push((node, edge + 1));
                    if order[to] == UNVISITED {
                        path.push((to, 0));
                    } else if knots[to] == UNVISITED {
                        low[node] = low[node].min(order[to]);
                    }
                    continue;
                }
                if low[node] == order[node] {
                    while let Some(member) = open.pop() {
                        knots[member] = knot_count;
                        if member == node {
                            break;
                        }
                    }
                    knot_count += 1;
                }
                if let Some(&(parent, _)) = path.last() {
                    low[parent] = low[parent].min(low[node]);
                }
            }
        }
        knots
    }

    /// The cycle through `start` inside its knot with the fewest nodes that count.
    fn cycle_through(
        &self,
        start: usize,
        knots: &[u32],
        counts: &impl Fn(usize) -> bool,
    ) -> Option<Vec<(usize, L)>> {
        let mut from: Vec<Option<(u32, L)>> = vec![None; self.edges.len()];
        // Those that do not count cost nothing, and come to the front.
        let mut queue = VecDeque::from([start]);
        let mut is_closed = vec![false; self.edges.len()];
        while let Some(node) = queue.pop_front() {
            if std::mem::replace(&mut is_closed[node], true) {
                continue;
            }
            for &(to, label) in &self.edges[node] {
                let to = to as usize;
                if to == start {
                    return Some(path_to(node, start, &from, label));
                }
                if knots[to] != knots[start] || from[to].is_some() {
                    continue;
                }
                from[to] = Some((node as u32, label));
                match counts(to) {
                    true => queue.push_back(to),
                    false => queue.push_front(to),
                }
            }
        }
        None
    }
}

/// The way from `start` to `end` and the last edge back.
fn path_to<L: Copy>(end: usize, start: usize, from: &[Option<(u32, L)>], back: L) -> Vec<(usize, L)> {
    let mut cycle = vec![(end, back)];
    let mut node = end;
    while node != start {
        let Some((before, label)) = from[node] else {
            break;
        };
        node = before as usize;
        cycle.push((node, label));
    }
    cycle.reverse();
    cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: usize, edges: &[(usize, usize)]) -> Graph<usize> {
        let mut graph = Graph::new(nodes);
        for (number, &(from, to)) in edges.iter().enumerate() {
            graph.add(from, to, number);
        }
        graph
    }

    #[test]
    fn a_graph_without_cycles_has_none() {
        let graph = graph(5, &[(0, 1), (1, 2), (0, 2), (3, 2), (2, 4), (3, 3)]);
        assert_eq!(graph.find_cycle(|_| true), None);
    }

    #[test]
    fn the_shorter_cycle_is_found() {
        let graph = graph(
            7,
            &[
                (0, 1),
                (1, 2),
                (2, 3),
                (3, 0),
                (4, 5),
                (5, 4),
                (3, 4),
                (6, 0),
                (0, 5),
            ],
        );
        let cycle = graph.find_cycle(|_| true).expect("a cycle");
        assert_eq!(cycle, [(4, 4), (5, 5)]);
    }

    #[test]
    fn nodes_that_do_not_count_make_no_cycle_longer() {
        // From 0 back by way of 1 and 2, which do not count, or of 3, which does.
        let graph = graph(4, &[(0, 3), (3, 0), (0, 1), (1, 2), (2, 0)]);
        let cycle = graph.find_cycle(|node| node == 0 || node == 3).expect("a cycle");
        let nodes: Vec<usize> = cycle.iter().map(|(node, _)| *node).collect();
        assert_eq!(nodes, [0, 1, 2]);
    }
}
