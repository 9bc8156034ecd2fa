//! Nodes that hold heat and links that carry it: the arithmetic of both plants.

use crate::quantity::Celsius;

/// Heat flows between two nodes by so many W for each K of difference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link(pub(crate) usize, pub(crate) usize, pub(crate) f64);

/// `N` nodes.
#[derive(Clone, Debug)]
pub(crate) struct Mesh<const N: usize, const L: usize> {
    /// In °C.
    pub(crate) celsius: [f64; N],
    /// In J/K.
    pub(crate) capacity: [f64; N],
    pub(crate) links: [Link; L],
    /// J since the start.
    taken: f64,
    /// J since the start.
    released: f64,
}

impl<const N: usize, const L: usize> Mesh<N, L> {
    pub(crate) fn new(start: Celsius, capacity: [f64; N], links: [Link; L]) -> Self {
        Self { celsius: [start.0; N], capacity, links, taken: 0.0, released: 0.0 }
    }

    /// One step of `seconds`: `power` in W into each node, `to_air` in W/K out of it.
    pub(crate) fn step(&mut self, seconds: f64, power: &[f64; N], air: (&[f64; N], Celsius)) {
        let (to_air, ambient) = air;
        let mut heat = *power;
        for Link(a, b, conductance) in &self.links {
            let flow = (self.celsius[*a] - self.celsius[*b]) * conductance;
            heat[*a] -= flow;
            heat[*b] += flow;
        }
        for node in 0..N {
            let released = (self.celsius[node] - ambient.0) * to_air[node];
            self.released += released * seconds;
            self.taken += power[node] * seconds;
            self.celsius[node] += (heat[node] - released) * seconds / self.capacity[node];
        }
    }

    pub(crate) fn energy(&self) -> crate::plant::Energy {
        let stored = self.celsius.iter().zip(&self.capacity).map(|(t, c)| t * c).sum();
        crate::plant::Energy { taken: self.taken, released: self.released, stored }
    }

    /// The mean of some nodes, by what they hold.
    pub(crate) fn mean(&self, nodes: &[usize]) -> Celsius {
        let held: f64 = nodes.iter().map(|node| self.celsius[*node] * self.capacity[*node]).sum();
        Celsius(held / nodes.iter().map(|node| self.capacity[*node]).sum::<f64>())
    }
}
