using ChainOfSpot.Runtime.Cache;

namespace ChainOfSpot.Sessions;

/// <summary>
/// A question's place in the key-value cache: the pages that it may come to need are promised to it, so that once it is let in
/// it never finds the cache full. Its sequence begins with what is kept of its prompt.
/// </summary>
internal sealed class CacheLease(PromptCache cache, PromptKey prompt, int mostPages, bool reuses) : IDisposable
{
    private readonly TaskCompletionSource _admission = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The prompt that is asked first.</summary>
    public PromptKey Prompt { get; } = prompt;

    /// <summary>The most pages that its sequence comes to have.</summary>
    public int MostPages { get; } = mostPages;

    /// <summary>Whether it goes on from what is kept and keeps what it computes.</summary>
    public bool Reuses { get; } = reuses;

    /// <summary>Whether it feeds the picture that other questions wait for.</summary>
    public bool FillsPicture { get; set; }

    /// <summary>What is in the cache of the question; there from its admission on.</summary>
    public KvSequence Sequence { get; set; } = null!;

    /// <summary>Ends with the admission, with the caller's cancellation or with the engine's end.</summary>
    public Task Admission => _admission.Task;

    /// <summary>Tells the question that it is let in; false where it has given up.</summary>
    public bool TryAdmit() => _admission.TrySetResult();

    public void Cancel(CancellationToken cancellation) => _admission.TrySetCanceled(cancellation);

    public void Fail(Exception error) => _admission.TrySetException(error);

    /// <summary>Keeps all that was fed, which was <paramref name="said"/> and perhaps more, for questions that go on from it.</summary>
    public void Complete(PromptKey said) => cache.Close(this, said);

    /// <summary>Gives the place up, and with it all that was not kept by <see cref="Complete"/>.</summary>
    public void Dispose() => cache.Close(this, said: null);
}
