"""Spectra, scenes, network and judge of the sound lane."""

import numpy as np
import torch

from courtside_train import mel, sound_judge, sound_net, sound_scenes, sound_voices
from courtside_train.sound_scenes import BLOCK, BLOCKS, KINDS


def test_a_tone_is_in_its_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / mel.RATE).astype(np.float32)
    frames = mel.log_mel(tone)
    assert frames.shape == (98, 64)
    assert set(frames.argmax(1)) <= {18, 19, 20}  # 1000 mel; bands are 40.7 mel apart from 185 mel on
    assert frames.max() > 3 and frames[:, 50].max() < 0
    assert np.allclose(mel.log_mel(np.zeros(400, np.float32)), np.log(0.001))


def test_every_sound_has_its_peak_at_one_and_is_finite():
    rng = np.random.default_rng(1)
    makers = (sound_voices.whistle, sound_voices.buzzer, sound_voices.cheer, sound_voices.applause, sound_voices.bounce)
    others = (sound_voices.squeak, sound_voices.scream, sound_voices.fan_whistle, sound_voices.beep, sound_voices.clang, sound_voices.clicks)
    for make in (*makers, *others, sound_voices.swish, sound_voices.chorus):
        for _ in range(10):
            sound = make(rng)
            assert np.isfinite(sound).all() and 0.9 < np.abs(sound).max() <= 1.0, make.__name__


def test_a_seed_is_a_scene_and_its_labels_are_where_it_sounds():
    one, two = (sound_scenes.scene_of(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1], equal_nan=True)
    assert one[0].shape == (BLOCKS * BLOCK,) and one[1].shape == (BLOCKS, len(KINDS))
    told = np.stack([sound_scenes.scene_of(np.random.default_rng([4, i]))[1] for i in range(20)])
    for index, kind in enumerate(KINDS):
        assert (told[:, :, index] == 1).sum() > 5, kind
        assert (told[:, :, index] == 0).mean() > 0.5, kind


def test_labels_are_one_inside_unknown_in_the_echo_and_where_it_is_too_faint():
    scene = sound_scenes.empty()
    scene.sounding["whistle"][10 * BLOCK : 15 * BLOCK] = True
    told = np.full((6, BLOCKS), 1e-6)
    told[0, 10:15] = 1e-2
    labels = sound_scenes.labels_of(scene, told)[:, 0]
    assert (labels[10:15] == 1).all() and np.isnan(labels[15:19]).all()
    assert (labels[:10] == 0).all() and (labels[19:] == 0).all()
    told[5, 12] = 1.0  # something twenty decibels louder
    assert np.isnan(sound_scenes.labels_of(scene, told)[12, 0])


def test_a_scene_keeps_its_place_in_time_on_its_way_through_aac():
    rng = np.random.default_rng(5)
    samples = np.zeros(BLOCKS * BLOCK, np.float32)
    samples[40_000:44_000] = 0.5 * np.sin(2 * np.pi * 700 * np.arange(4000) / mel.RATE)
    heard = sound_scenes.through_aac(samples, rng)
    assert heard.shape == samples.shape
    loud = np.flatnonzero(np.abs(heard) > 0.2)
    assert abs(loud[0] - 40_000) < 160 and abs(loud[-1] - 44_000) < 160


def test_networks_answer_for_each_block_and_do_not_mind_the_gain():
    for shape in sound_net.TIERS.values():
        net = sound_net.SoundNet(shape).eval()
        spectra = torch.randn(2, 100, 64) - 3
        with torch.no_grad():
            answer, louder = net(spectra), net(spectra + 1.5)
        assert answer.shape == (2, 10, 5)
        assert torch.allclose(answer, louder, atol=1e-4)


def test_blocks_that_nobody_could_tell_do_not_count():
    net = sound_net.SoundNet(sound_net.TIERS["nano"]).eval()
    spectra, labels = torch.randn(4, 100, 64), torch.zeros(4, 10, 5)
    labels[:, 5] = torch.nan
    loss = sound_net.sound_loss(net, (spectra, labels))
    with torch.no_grad():
        net.told.bias.zero_()
    assert torch.isfinite(loss)
    only = labels.clone()
    only[:, 0] = torch.nan
    assert not torch.allclose(sound_net.sound_loss(net, (spectra, only)), sound_net.sound_loss(net, (spectra, labels)))


def test_the_judge_counts_sounds_and_not_blocks():
    tally = {"sounds": 0, "found": 0, "false": 0, "told": []}
    labels = np.zeros(91, np.float32)
    labels[20:26], labels[28:30], labels[60:64] = 1, 1, 1  # a double whistle, and a single one
    labels[64:68] = np.nan
    chances = np.full(91, 0.1, np.float32)
    chances[21:25], chances[40], chances[66] = 0.9, 0.8, 0.9
    sound_judge.count(tally, chances, labels)
    assert (tally["sounds"], tally["found"], tally["false"]) == (2, 2, 1)
    assert sound_judge.summary(tally, hours=0.5)["false_an_hour"] == 2.0
