using LatentSync.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Losses;

public sealed class SyncLossTests
{
    [Fact]
    public void Of_ReluEmbeddings_IsTheCrossEntropyOfTheCosines()
    {
        using DisposeScope scope = NewDisposeScope();
        double[] visual = [1, 2, 0, 0.5, 0, 3],
            audio = [2, 1, 1, 0, 4, 3],
            targets = [1, 0];
        double expected = 0;
        for (int item = 0; item < 2; item++)
        {
            double[] v = visual[(3 * item)..][..3],
                a = audio[(3 * item)..][..3];
            double cosine = v.Zip(a, (x, y) => x * y).Sum() / Math.Sqrt(v.Sum(x => x * x) * a.Sum(x => x * x));
            expected -= (targets[item] == 1 ? Math.Log(cosine) : Math.Log(1 - cosine)) / 2;
        }
        Tensor loss = SyncLoss.Of(tensor(visual).view(2, 3), tensor(audio).view(2, 3), tensor(targets));
        Assert.Equal(expected, loss.item<double>(), 12);
    }

    [Fact]
    public void Of_SameDirection_IsZeroAlsoWhereRoundingLeadsBeyondOne()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(3);
        Tensor visual = rand([512, 7], generator: generator);
        Tensor loss = SyncLoss.Of(visual, visual * tensor(3f), ones(512));
        Assert.InRange(loss.item<float>(), 0, 1e-6f);
    }

    [Fact]
    public void Of_Orthogonal_IsTheBoundOfTheLogarithm()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor loss = SyncLoss.Of(tensor(new[] { 1f, 0f }).view(1, 2), tensor(new[] { 0f, 2f }).view(1, 2), ones(1));
        Assert.Equal(100, loss.item<float>());
    }

    [Fact]
    public void Forward_Network_IsAskedOnceForThisPairAndItsTensorsAreDisposed()
    {
        using Tensor frames = ones(1, 6, 4, 8);
        using Tensor mel = ones(1, 1, 80, 52);
        List<(Tensor, Tensor)> asked = [];
        SyncLoss loss = new(
            (given, sound) =>
            {
                asked.Add((given, sound));
                return (tensor(new[] { 3f, 4f }).view(1, 2), tensor(new[] { 4f, 3f }).view(1, 2));
            }
        );
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (Tensor value = loss.Forward(frames, mel))
        {
            Assert.Equal(-Math.Log(24.0 / 25), value.item<float>(), 1e-6);
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Equal([(frames, mel)], asked);
    }

    [Fact]
    public void ArrangePixels_RightSize_StacksTheLowerRowsOfEachFrame()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor frames = arange(2 * 3 * 3 * 4 * 4, ScalarType.Float32).view(6, 3, 4, 4); // two clips of three frames
        Tensor arranged = SyncLoss.ArrangePixels(frames, 3, side: 4);
        Assert.Equal([2, 9, 2, 4], arranged.shape);
        for (int clip = 0; clip < 2; clip++)
        {
            for (int channel = 0; channel < 9; channel++)
            {
                for (int position = 0; position < 8; position++)
                {
                    int frame = clip * 3 + channel / 3,
                        colour = channel % 3;
                    int expected = ((frame * 3 + colour) * 4 + 2 + position / 4) * 4 + position % 4;
                    Assert.Equal(expected, arranged[clip, channel, position / 4, position % 4].item<float>());
                }
            }
        }
    }

    [Fact]
    public void ArrangePixels_OtherSize_ResizesBeforeItHalves()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(1);
        Tensor frames = rand([16, 3, 20, 24], generator: generator);
        Tensor arranged = SyncLoss.ArrangePixels(frames, 16, side: 32);
        Tensor resized = nn.functional.interpolate(frames, [32, 32], mode: InterpolationMode.Bicubic, align_corners: false);
        Assert.Equal([1, 48, 16, 32], arranged.shape);
        Assert.True(arranged.view(16, 3, 16, 32).equal(resized.narrow(2, 16, 16)).all().item<bool>());
        Assert.Equal([1, 48, 128, 256], SyncLoss.ArrangePixels(frames, 16).shape);
    }

    [Fact]
    public void StackInChannels_Latents_KeepTheirHeight()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor latents = arange(32 * 4 * 2 * 2, ScalarType.Float32).view(32, 4, 2, 2);
        Tensor stacked = FrameBatch.StackInChannels(latents, 16);
        Assert.Equal([2, 64, 2, 2], stacked.shape);
        Assert.True(stacked[1, 13].equal(latents[16 + 3, 1]).all().item<bool>());
    }

    [Theory]
    [InlineData(5, 4)]
    [InlineData(4, 3)]
    public void ArrangePixels_WhatDoesNotFit_IsRefused(int frames, int side)
    {
        using Tensor pictures = zeros(8, 3, 4, 4);
        Assert.Throws<ArgumentException>(() => SyncLoss.ArrangePixels(pictures, frames, side));
    }

    [Fact]
    public void Backward_Frames_PassesTheArrangement()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor frames = rand(2, 3, 6, 6).requires_grad_();
        SyncLoss.ArrangePixels(frames, 2, side: 6).sum().backward();
        Assert.Equal(0, frames.grad!.narrow(2, 0, 3).abs().sum().item<float>());
        Assert.Equal(2 * 3 * 3 * 6, frames.grad!.sum().item<float>(), 4);
    }
}
